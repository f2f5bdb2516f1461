import COpenSSL

// Signatures with Ed25519 (RFC 8032) through libcrypto; an unsafe room.

/// Why a file holds no usable key.
public enum SigningKeyError: Error, Equatable, CustomStringConvertible {
    /// It is no PEM of a key, or an encrypted one.
    case notPEM
    /// It is a key of another kind.
    case notEd25519

    public var description: String {
        switch self {
        case .notPEM: "is not an unencrypted key in PEM (openssl genpkey -algorithm ed25519)"
        case .notEd25519: "is not an Ed25519 key (openssl genpkey -algorithm ed25519)"
        }
    }
}

/// A private key that signs.
// SAFETY: the key is never changed after `init`; libcrypto allows several threads to use one key.
@safe public final class SigningKey: @unchecked Sendable {
    private let key: OpaquePointer

    /// What the signatures are checked with.
    public let publicKey: PublicKey

    /// - Parameter pem: the file's content: PKCS#8, not encrypted.
    public init(pem: SecretBytes) throws(SigningKeyError) {
        let found = unsafe pem.bytes.withUnsafeBufferPointer { source -> OpaquePointer? in
            // SAFETY: the BIO reads from `source`, which outlives it; a passphrase is never asked
            // for, since the callback below gives none.
            guard let input = unsafe BIO_new_mem_buf(source.baseAddress, Int32(source.count))
            else { return nil }
            defer { unsafe BIO_free(input) }
            return unsafe PEM_read_bio_PrivateKey(input, nil, { _, _, _, _ in -1 }, nil)
        }
        ERR_clear_error()
        guard let found = unsafe found else { throw .notPEM }
        guard unsafe EVP_PKEY_get_id(found) == EVP_PKEY_ED25519 else {
            unsafe EVP_PKEY_free(found)
            throw .notEd25519
        }
        unsafe key = unsafe found
        publicKey = unsafe PublicKey(of: found)
    }

    /// Makes a new key, from the system's randomness.
    ///
    /// - Returns: PKCS#8 in PEM, as `init(pem:)` takes it and a file should hold it.
    public static func makePEM() throws(RandomnessError) -> [UInt8] {
        guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil),
            let output = unsafe BIO_new(BIO_s_secmem())
        else { throw RandomnessError() }
        var key: OpaquePointer?
        // SAFETY: all three are made here and freed here, after their last use.
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            unsafe EVP_PKEY_free(key)
            unsafe BIO_free(output)
        }
        guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe EVP_PKEY_keygen(context, &key) == 1,
            unsafe PEM_write_bio_PrivateKey(output, key, nil, nil, 0, nil, nil) == 1
        else { throw RandomnessError() }
        var pem = [UInt8](repeating: 0, count: 1024)
        let count = unsafe pem.withUnsafeMutableBufferPointer { room in
            // SAFETY: BIO_read writes at most as many bytes as are offered.
            unsafe BIO_read(output, room.baseAddress, Int32(room.count))
        }
        guard count > 0 else { throw RandomnessError() }
        return Array(pem[..<Int(count)])
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// The 64 bytes of the signature over `message`.
    public func signature(of message: borrowing Span<UInt8>) -> [UInt8] {
        let message = copy message
        var signature = [UInt8](repeating: 0, count: 64)
        guard let context = unsafe EVP_MD_CTX_new() else {
            preconditionFailure("libcrypto: no memory for a signature")
        }
        defer { unsafe EVP_MD_CTX_free(context) }
        var length = signature.count
        let done = unsafe message.withUnsafeBufferPointer { source in
            unsafe signature.withUnsafeMutableBufferPointer { room in
                // SAFETY: `room` has the 64 bytes that Ed25519 writes; both outlive the calls.
                unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1
                    && EVP_DigestSign(
                        context, room.baseAddress, &length, source.baseAddress, source.count) == 1
            }
        }
        precondition(done && length == 64, "libcrypto: Ed25519 failed")
        return signature
    }
}

/// What checks signatures: 32 bytes that everybody may know.
public struct PublicKey: Sendable, Hashable {
    /// RFC 8032 section 5.1.5.
    public let bytes: [UInt8]

    /// - Returns: `nil` if there are not 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    @unsafe fileprivate init(of key: OpaquePointer) {
        var bytes = [UInt8](repeating: 0, count: 32)
        var length = bytes.count
        let done = unsafe bytes.withUnsafeMutableBufferPointer { room in
            // SAFETY: `room` has the 32 bytes that are asked for.
            unsafe EVP_PKEY_get_raw_public_key(key, room.baseAddress, &length)
        }
        precondition(done == 1 && length == 32, "libcrypto: no raw Ed25519 key")
        self.bytes = bytes
    }

    /// - Parameter pem: the file's content: SubjectPublicKeyInfo, as `openssl pkey -pubout` writes.
    public init(pem: [UInt8]) throws(SigningKeyError) {
        let found = unsafe pem.withUnsafeBufferPointer { source -> OpaquePointer? in
            // SAFETY: the BIO reads from `source`, which outlives it.
            guard let input = unsafe BIO_new_mem_buf(source.baseAddress, Int32(source.count))
            else { return nil }
            defer { unsafe BIO_free(input) }
            return unsafe PEM_read_bio_PUBKEY(input, nil, { _, _, _, _ in -1 }, nil)
        }
        ERR_clear_error()
        guard let found = unsafe found else { throw .notPEM }
        // SAFETY: the key is ours until here.
        defer { unsafe EVP_PKEY_free(found) }
        guard unsafe EVP_PKEY_get_id(found) == EVP_PKEY_ED25519 else { throw .notEd25519 }
        unsafe self.init(of: found)
    }

    /// Whether `signature` was made over `message` with this key's private half.
    public func verifies(_ signature: [UInt8], over message: borrowing Span<UInt8>) -> Bool {
        let message = copy message
        guard signature.count == 64 else { return false }
        let key = unsafe bytes.withUnsafeBufferPointer { source in
            // SAFETY: `source` has the 32 bytes of the key, which are copied.
            unsafe EVP_PKEY_new_raw_public_key(
                EVP_PKEY_ED25519, nil, source.baseAddress, source.count)
        }
        guard let key = unsafe key, let context = unsafe EVP_MD_CTX_new() else {
            ERR_clear_error()
            return false
        }
        defer {
            unsafe EVP_MD_CTX_free(context)
            unsafe EVP_PKEY_free(key)
            ERR_clear_error()
        }
        return unsafe message.withUnsafeBufferPointer { source in
            unsafe signature.withUnsafeBufferPointer { seal in
                // SAFETY: both run of bytes outlive the calls.
                unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
                    && EVP_DigestVerify(
                        context, seal.baseAddress, seal.count, source.baseAddress, source.count
                    ) == 1
            }
        }
    }
}
