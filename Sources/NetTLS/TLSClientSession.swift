public import Bytes
import COpenSSL
import Glibc
public import NetIO

/// One TLS session that we open, over memory: whoever has the socket moves the records.
///
/// The peer's certificate must be valid, lead to the context's authorities, and name the host among
/// its alternative names; a wildcard stands for one whole label. Nothing is read or written before
/// the handshake is complete. One owner, one thread at a time.
@safe public final class TLSClientSession {
    private let session: OpaquePointer
    private var isComplete = false

    /// How much room `takeRecords` needs to take a record whole.
    private static let recordPayload = 16384

    /// - Parameters:
    ///   - host: a DNS name, or a literal address without brackets.
    ///   - isAddress: which of the two.
    /// - Returns: `nil` if OpenSSL has no memory, or `host` is neither.
    public init?(to host: String, isAddress: Bool, with context: TLSClientContext) {
        // SAFETY: the session counts a reference on the context, and is freed in `deinit`.
        guard let session = unsafe tls_connecting_session(context.raw, host, isAddress) else {
            return nil
        }
        unsafe self.session = session
    }

    deinit { unsafe SSL_free(session) }

    /// Takes the handshake as far as the records that have come allow.
    ///
    /// - Returns: whether it is complete. Records for the peer may be there either way, and also
    ///   after an error: the alert that says why.
    public func handshake() throws(StreamError) -> Bool {
        switch unsafe tls_handshake(session) {
        case 1:
            isComplete = true
            return true
        case Int(TLS_WANTS_READ.rawValue): return false
        default: throw failure()
        }
    }

    /// Hands over what has come from the peer, all of it.
    public func give(_ records: Buffer) throws(StreamError) {
        // SAFETY: the BIO copies the filled bytes.
        let isTaken = unsafe records.withFilled { unsafe tls_give_records(session, $0, $1) }
        records.clear()
        if !isTaken { throw .tls("no memory") }
    }

    /// Appends records for the peer to `out`, as many bytes as it has room for.
    public func takeRecords(into out: Buffer) {
        // SAFETY: BIO_read writes at most `count` bytes at `room`.
        _ = unsafe out.fill { unsafe Int(tls_take_records(session, $0, $1)) }
    }

    /// Appends plain bytes from the peer, as many as there is room for.
    ///
    /// - Returns: `.end` after the peer's close_notify.
    public func receive(into plain: Buffer) throws(StreamError) -> BlockingSocket.Received {
        precondition(isComplete)
        guard plain.room > 0 else { return .nothing }
        // SAFETY: SSL_read_ex writes at most `count` bytes at `room`.
        let count = unsafe plain.fill { unsafe tls_read(session, $0, $1) }
        switch count {
        case Int(TLS_CLOSED.rawValue): return .end
        case Int(TLS_WANTS_READ.rawValue): return .nothing
        case 1...: return .bytes(count)
        default: throw failure()
        }
    }

    /// Makes records of all of `plain`; they are taken with `takeRecords`.
    public func send(_ plain: Buffer) throws(StreamError) {
        precondition(isComplete)
        while !plain.isEmpty {
            let piece = min(plain.count, Self.recordPayload)
            // SAFETY: SSL_write_ex reads `piece` bytes at `bytes`.
            let count = unsafe plain.withFilled { bytes, _ in
                unsafe tls_write(session, bytes, piece)
            }
            guard count > 0 else { throw failure() }
            plain.consume(count)
        }
    }

    /// Says goodbye: a record for the peer.
    public func close() { if isComplete { unsafe tls_close(session) } }

    /// With the reason why the certificate was refused, if that was it.
    private func failure() -> StreamError {
        let reason = OpenSSLError.take()
        // SAFETY: OpenSSL's text is constant.
        guard let problem = unsafe tls_verification_problem(session) else { return .tls(reason) }
        return unsafe .tls("\(reason): \(String(cString: problem))")
    }
}
