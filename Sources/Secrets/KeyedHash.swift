/// HMAC-SHA-256 (RFC 2104) with one key, prepared once and used many times.
///
/// The two states after the padded key are kept, so a code over a login costs three blocks of
/// SHA-256 and two copies of a state. Measured with OpenSSL 3.0: 0.15 us, against 0.5 us for a
/// duplicated
/// `EVP_MAC_CTX` and 0.1 us for the deprecated `SHA256_*` functions.
///
/// Not `Sendable`: each loop makes its own from the shared key.
public final class KeyedHash {
    private var inner = DigestState()
    private var outer = DigestState()
    private var work = DigestState()

    private static let blockByteCount = 64

    /// - Precondition: the key has at most 64 bytes, the block of SHA-256.
    public init(key: SecretBytes) {
        precondition(key.count <= Self.blockByteCount)
        Self.pad(key, with: 0x36, into: &inner)
        Self.pad(key, with: 0x5C, into: &outer)
    }

    private static func pad(
        _ key: SecretBytes,
        with filler: UInt8,
        into state: inout DigestState
    ) {
        let block = SecretBuffer(capacity: blockByteCount)
        for index in 0..<blockByteCount {
            block.append(index < key.count ? key.bytes[index] ^ filler : filler)
        }
        state.update(block.bytes)
    }

    /// The code over bytes as they are. For values of one part only.
    public func code(_ bytes: borrowing Span<UInt8>) -> Code32 {
        work.restart(from: inner)
        work.update(bytes)
        return finish()
    }

    /// The code over a label and two parts, each with its length in front: no two different calls
    /// hash the same bytes.
    ///
    /// - Parameter label: what the parts are, so that codes of different kinds cannot meet.
    public func code(
        label: UInt8,
        _ first: borrowing Span<UInt8>,
        _ second: borrowing Span<UInt8>
    ) -> Code32 {
        work.restart(from: inner)
        work.update(label)
        work.update(length: first.count)
        work.update(first)
        work.update(length: second.count)
        work.update(second)
        return finish()
    }

    private func finish() -> Code32 {
        let code = work.finish()
        work.restart(from: outer)
        work.update(code)
        return work.finish()
    }
}
