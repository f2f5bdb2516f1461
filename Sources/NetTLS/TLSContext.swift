public import Bytes
import COpenSSL
import Glibc

/// One certificate with its key, and the policy under which sessions are accepted with it.
///
/// Versions, suites, groups and options are fixed (`COpenSSL/context.c`); only the minimum version
/// can be chosen. Immutable once made: a reload makes a new one, and running sessions keep theirs.
// SAFETY: an SSL_CTX counts its references atomically and is not changed after `init`.
@safe public final class TLSContext: @unchecked Sendable {
    public enum Version: String, Sendable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// What is wrong with the files of a certificate.
    public enum LoadError: Error, Sendable, Equatable {
        /// The chain file cannot be read or is no PEM chain with the leaf first: OpenSSL's reason.
        case badChain(String)
        /// The key file cannot be read, is no PEM key, or is encrypted: OpenSSL's reason.
        case badKey(String)
        /// The key is not that of the chain's first certificate.
        case keyMismatch
        /// The certificate's time has not come (`false`) or is over (`true`).
        case outsideValidity(isOver: Bool)
        /// The authorities of clients cannot be read: OpenSSL's reason.
        case badClientAuthorities(String)
        /// The revocation lists cannot be read: OpenSSL's reason.
        case badRevocationList(String)
        /// OpenSSL could not make a context at all.
        case unavailable(String)
    }

    /// Which certificates of clients are accepted.
    public struct Clients: Sendable, Hashable {
        /// A PEM file of those who may vouch for a client.
        public var authorities: String
        /// A PEM file of revocation lists, one of each authority of a chain.
        public var revoked: String?
        /// Whether a client without a certificate is turned away.
        public var areRequired: Bool

        public init(authorities: String, revoked: String? = nil, areRequired: Bool) {
            self.authorities = authorities
            self.revoked = revoked
            self.areRequired = areRequired
        }
    }

    /// When the certificate expires, in seconds since 1970 (UTC).
    public let expiry: Int64
    /// Equal for two contexts that accept the same certificates of clients; `nil` if they are not
    /// asked for any.
    public let clientPolicy: ByteString?
    let raw: OpaquePointer

    /// Must be called once, before anything else of this module, and before any other thread runs.
    /// - Returns: false if record buffers stay where malloc puts them: slower, nothing else.
    @discardableResult public static func placeRecordBuffers() -> Bool {
        tls_place_record_buffers()
    }

    /// - Parameters:
    ///   - chain: path of a PEM file, leaf certificate first.
    ///   - key: path of a PEM file with the leaf's private key, not encrypted.
    ///   - clients: `nil`: clients are not asked for a certificate.
    public init(
        chain: String,
        key: String,
        minimum: Version,
        clients: Clients? = nil
    ) throws(LoadError) {
        let version = minimum == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        // SAFETY: what tls_server_context returns is owned here and freed in `deinit` or below.
        guard let context = unsafe tls_server_context(version) else {
            throw .unavailable(OpenSSLError.take())
        }
        do throws(LoadError) {
            expiry = unsafe try Self.load(into: context, chain: chain, key: key)
            clientPolicy = try clients.map { clients throws(LoadError) in
                unsafe try Self.ask(clients, in: context)
            }
        } catch {
            unsafe SSL_CTX_free(context)
            throw error
        }
        unsafe raw = context
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// Seals session tickets with a new key before its time. Tickets of the two keys before are
    /// good until theirs.
    /// - Returns: false without randomness: then the old key stays.
    @discardableResult func changeTicketKey() -> Bool { unsafe tls_change_ticket_key(raw) }

    /// - Returns: what may be compared of it.
    private static func ask(
        _ clients: Clients,
        in context: OpaquePointer
    ) throws(LoadError) -> ByteString {
        let outcome = unsafe tls_ask_clients(
            context,
            clients.authorities,
            clients.revoked,
            clients.areRequired
        )
        switch outcome {
        case TLS_ASKS: break
        case TLS_BAD_REVOKED: throw .badRevocationList(OpenSSLError.take())
        default: throw .badClientAuthorities(OpenSSLError.take())
        }
        var digest = [UInt8](repeating: 0, count: 32)
        // SAFETY: the call writes the 32 bytes of the array.
        guard unsafe tls_authorities_digest(context, &digest) else {
            throw .unavailable(OpenSSLError.take())
        }
        return ByteString(digest + [clients.areRequired ? 1 : 0])
    }

    /// - Returns: the certificate's expiry.
    private static func load(
        into context: OpaquePointer,
        chain: String,
        key: String
    ) throws(LoadError) -> Int64 {
        switch unsafe tls_load_certificate(context, chain, key) {
        case TLS_LOADED: break
        case TLS_BAD_CHAIN: throw .badChain(OpenSSLError.take())
        case TLS_KEY_MISMATCH: throw .keyMismatch
        default: throw .badKey(OpenSSLError.take())
        }
        var notBefore: Int64 = 0
        var notAfter: Int64 = 0
        guard unsafe tls_validity(context, &notBefore, &notAfter) else {
            throw .badChain("the certificate's validity cannot be read")
        }
        let now = Int64(time(nil))
        if now < notBefore { throw .outsideValidity(isOver: false) }
        if now > notAfter { throw .outsideValidity(isOver: true) }
        return notAfter
    }
}

enum OpenSSLError {
    /// The newest error's reason in OpenSSL's words; the queue is empty after.
    static func take() -> String {
        // SAFETY: the room is larger than any reason and ends with a zero.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { room in
            guard let base = room.baseAddress else { return "" }
            unsafe tls_take_error(base, room.count)
            return unsafe String(cString: base)
        }
    }
}
