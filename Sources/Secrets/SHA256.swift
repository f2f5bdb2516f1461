/// SHA-256 (FIPS 180-4) over bytes that arrive in pieces.
public struct SHA256: ~Copyable {
    private var state = DigestState()

    public init() {}

    public mutating func update(_ bytes: borrowing Span<UInt8>) { state.update(bytes) }

    /// The digest of all that was given to `update`.
    public consuming func finish() -> Code32 { state.finish() }

    /// The digest of `bytes`.
    public static func digest(of bytes: borrowing Span<UInt8>) -> Code32 {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}

/// SHA-256 over many values, one after the other. Preparing a state costs as much as some hundred
/// bytes; here that is done once.
///
/// Not `Sendable`: for one thread.
public final class RepeatedSHA256 {
    private let fresh = DigestState()
    private var work = DigestState()

    public init() {}

    /// The digest of `bytes`.
    public func digest(of bytes: borrowing Span<UInt8>) -> Code32 {
        work.restart(from: fresh)
        work.update(bytes)
        return work.finish()
    }
}
