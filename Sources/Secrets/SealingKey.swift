import COpenSSL

// AES-256-GCM through libcrypto; an unsafe room.

/// A key for text that leaves the program and comes back: nobody else can read it, and what was not
/// sealed here, or for another purpose, does not open (AES-256-GCM, NIST SP 800-38D).
///
/// Each seal draws a nonce of 96 random bits, which is safe for 2^32 seals with one key.
public final class SealingKey: Sendable {
    private let key: SecretBytes

    /// By how many bytes sealed text is longer: the nonce in front, the tag behind.
    public static let overhead = nonceByteCount + tagByteCount
    private static let nonceByteCount = 12
    private static let tagByteCount = 16

    /// A key that nobody knows, until the program ends.
    public init() throws(RandomnessError) { key = try SecretBytes.random(count: 32) }

    /// - Parameter context: what the text is for; it opens only with the same.
    public func seal(
        _ text: [UInt8],
        for context: [UInt8]
    ) throws(RandomnessError) -> [UInt8] {
        let nonce = try RandomBytes.make(count: Self.nonceByteCount)
        var cipher = CipherState(key: key, nonce: nonce, seals: true)
        cipher.authenticate(context)
        let sealed = cipher.update(text)
        return nonce + sealed + cipher.tag(byteCount: Self.tagByteCount)
    }

    /// - Returns: `nil` for anything but what `seal` gave for the same context.
    public func open(_ sealed: [UInt8], for context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.overhead else { return nil }
        let nonce = Array(sealed.prefix(Self.nonceByteCount))
        let tag = Array(sealed.suffix(Self.tagByteCount))
        var cipher = CipherState(key: key, nonce: nonce, seals: false)
        cipher.authenticate(context)
        let text = cipher.update(
            Array(sealed[Self.nonceByteCount..<sealed.count - Self.tagByteCount])
        )
        return cipher.verify(tag) ? text : nil
    }
}

/// One running AES-256-GCM of libcrypto.
///
/// libcrypto fails here only when it finds no memory or no AES-GCM at all. The first ends any Swift
/// program, the second cannot be served without; both trap. A wrong tag is no failure.
@safe private struct CipherState: ~Copyable {
    private let context: OpaquePointer

    /// - Precondition: a key of 32 bytes, a nonce of 12.
    init(key: SecretBytes, nonce: [UInt8], seals: Bool) {
        precondition(key.count == 32 && nonce.count == 12)
        guard let context = unsafe EVP_CIPHER_CTX_new() else {
            preconditionFailure("libcrypto: no memory for a cipher")
        }
        unsafe self.context = unsafe context
        let done = unsafe key.bytes.withUnsafeBufferPointer { key in
            // SAFETY: the context is ours alone and lives until `deinit`; so in all functions
            // below. Key and nonce have the lengths that AES-256-GCM reads, by the check above.
            unsafe EVP_CipherInit_ex(
                context, EVP_aes_256_gcm(), nil, key.baseAddress, nonce, seals ? 1 : 0)
        }
        precondition(done == 1, "libcrypto: AES-256-GCM is not available")
    }

    deinit {
        // Wipes the state, too.
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// Text that is covered by the tag and stays as it is; once, before `update`.
    mutating func authenticate(_ text: [UInt8]) {
        var count: Int32 = 0
        // SAFETY: libcrypto reads `count` bytes of the array, and writes none.
        let done = unsafe EVP_CipherUpdate(context, nil, &count, text, Int32(text.count))
        precondition(done == 1, "libcrypto: AES-GCM failed")
    }

    mutating func update(_ text: [UInt8]) -> [UInt8] {
        var count: Int32 = 0
        var result = [UInt8](repeating: 0, count: text.count)
        // SAFETY: a stream cipher writes as many bytes as it reads, and `result` has that many.
        let done = unsafe EVP_CipherUpdate(context, &result, &count, text, Int32(text.count))
        precondition(done == 1 && Int(count) == text.count, "libcrypto: AES-GCM failed")
        return result
    }

    /// Ends the sealing.
    mutating func tag(byteCount: Int) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: byteCount)
        var count: Int32 = 0
        var rest = [UInt8](repeating: 0, count: 16)
        // SAFETY: GCM has nothing left to write at the end, and `rest` has room for a block; `tag`
        // has as many bytes as libcrypto is told.
        let done = unsafe EVP_CipherFinal_ex(context, &rest, &count)
        let got = unsafe EVP_CIPHER_CTX_ctrl(
            context, Int32(EVP_CTRL_AEAD_GET_TAG), Int32(byteCount), &tag)
        precondition(done == 1 && got == 1, "libcrypto: AES-GCM failed")
        return tag
    }

    /// Ends the opening: whether what was opened is what had been sealed.
    mutating func verify(_ tag: [UInt8]) -> Bool {
        var tag = tag
        var count: Int32 = 0
        var rest = [UInt8](repeating: 0, count: 16)
        // SAFETY: as above; libcrypto only reads the tag.
        let set = unsafe EVP_CIPHER_CTX_ctrl(
            context, Int32(EVP_CTRL_AEAD_SET_TAG), Int32(tag.count), &tag)
        precondition(set == 1, "libcrypto: AES-GCM failed")
        return unsafe EVP_CipherFinal_ex(context, &rest, &count) == 1
    }
}
