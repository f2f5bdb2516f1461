import COpenSSL

// SHA-256 through libcrypto; an unsafe room.

/// One running SHA-256 (FIPS 180-4) of libcrypto. It has one owner and one thread at a time.
///
/// libcrypto fails here only when it finds no memory or no SHA-256 at all. The first ends any Swift
/// program, the second cannot be served without; both trap.
@safe struct DigestState: ~Copyable {
    private let context: OpaquePointer

    init() {
        guard let context = unsafe EVP_MD_CTX_new() else {
            preconditionFailure("libcrypto: no memory for a digest")
        }
        unsafe self.context = unsafe context
        // SAFETY: the context is ours alone and lives until `deinit`; so in all functions below.
        let done = unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil)
        precondition(done == 1, "libcrypto: SHA-256 is not available")
    }

    deinit {
        // Wipes the state, too.
        unsafe EVP_MD_CTX_free(context)
    }

    /// Goes on from where `other` stands.
    mutating func restart(from other: borrowing DigestState) {
        let done = unsafe EVP_MD_CTX_copy_ex(context, other.context)
        precondition(done == 1, "libcrypto: no memory for a digest")
    }

    mutating func update(_ bytes: borrowing Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { source in
            // SAFETY: the pointer stays inside the closure and has `count` bytes.
            let done = unsafe EVP_DigestUpdate(context, source.baseAddress, source.count)
            precondition(done == 1, "libcrypto: SHA-256 failed")
        }
    }

    mutating func update(_ byte: UInt8) {
        var byte = byte
        // SAFETY: the byte lives through the call; so do the values below.
        let done = unsafe EVP_DigestUpdate(context, &byte, 1)
        precondition(done == 1, "libcrypto: SHA-256 failed")
    }

    /// The four bytes of a length, the highest first, so that no two lists of parts look alike.
    mutating func update(length: Int) {
        var length = UInt32(length).bigEndian
        let done = unsafe EVP_DigestUpdate(context, &length, 4)
        precondition(done == 1, "libcrypto: SHA-256 failed")
    }

    mutating func update(_ code: Code32) {
        var words = code.words
        let done = unsafe EVP_DigestUpdate(context, &words, 32)
        precondition(done == 1, "libcrypto: SHA-256 failed")
    }

    /// The digest. Only `restart` is allowed afterwards.
    mutating func finish() -> Code32 {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let done = unsafe withUnsafeMutableBytes(of: &words) { room in
            // SAFETY: SHA-256 writes 32 bytes, the size of four words.
            unsafe EVP_DigestFinal_ex(
                context,
                room.baseAddress?.assumingMemoryBound(to: UInt8.self),
                nil
            )
        }
        precondition(done == 1, "libcrypto: SHA-256 failed")
        return Code32(words: words)
    }
}
