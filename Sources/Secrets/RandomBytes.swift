import COpenSSL

// Randomness through libcrypto; an unsafe room.

/// The system gave no randomness. Without it nothing may be started or reloaded.
public struct RandomnessError: Error, Equatable, CustomStringConvertible {
    public var description: String { "the system's random generator failed" }
}

extension SecretBytes {
    /// `count` bytes for keys (RAND_priv_bytes(3)).
    public static func random(count: Int) throws(RandomnessError) -> SecretBytes {
        try unsafe SecretBytes(count: count) { (room) throws(RandomnessError) in
            // SAFETY: `room` has `count` bytes.
            guard unsafe RAND_priv_bytes(room, Int32(count)) == 1 else { throw RandomnessError() }
        }
    }
}

/// Randomness that is no secret: salts, names of temporary files.
public enum RandomBytes {
    /// `count` bytes (RAND_bytes(3)).
    public static func make(count: Int) throws(RandomnessError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let done = unsafe bytes.withUnsafeMutableBufferPointer { room in
            // SAFETY: `room` has `count` bytes.
            unsafe RAND_bytes(room.baseAddress, Int32(room.count))
        }
        guard done == 1 else { throw RandomnessError() }
        return bytes
    }
}
