import COpenSSL

/// Whom we trust when we open a TLS session, and how old it may be: TLS 1.2 at least.
///
/// Nothing in the environment changes it. Immutable once made.
// SAFETY: an SSL_CTX counts its references atomically and is not changed after `init`.
@safe public final class TLSClientContext: @unchecked Sendable {
    /// Who may vouch for the peer.
    public enum Authorities: Sendable, Hashable {
        /// The folder that the distribution's CA package keeps.
        case system
        /// A PEM file with at least one certificate.
        case file(String)
        /// Both.
        case systemAndFile(String)
    }

    /// The authorities cannot be read: OpenSSL's reason.
    public struct LoadError: Error, Sendable, Equatable {
        public let reason: String
    }

    let raw: OpaquePointer

    public init(trusting authorities: Authorities) throws(LoadError) {
        let made: OpaquePointer? =
            switch authorities {
            case .system: unsafe tls_client_context(nil, true)
            case .file(let path): unsafe tls_client_context(path, false)
            case .systemAndFile(let path): unsafe tls_client_context(path, true)
            }
        // SAFETY: what tls_client_context returns is owned here and freed in `deinit`.
        guard let made = unsafe made else { throw LoadError(reason: OpenSSLError.take()) }
        unsafe raw = made
    }

    deinit { unsafe SSL_CTX_free(raw) }
}
