public import Bytes
import COpenSSL
import Glibc
public import NetIO

/// One TLS session over a channel, of either side.
///
/// OpenSSL reads from the socket through `COpenSSL/wire.c` and writes into buffers only, so that
/// many records leave with one system call. Belongs to its loop's thread.
@safe public final class TLSRecordLayer: RecordLayer {
    private let channel: Channel
    private let session: OpaquePointer
    private let wire: UnsafeMutablePointer<tls_wire>

    /// What has ended the session. OpenSSL says it once only.
    private var brokenBy: StreamError?

    /// A record's plaintext at most (RFC 8446 section 5.1), and what sealing adds to it at most.
    private static let recordPayload = 16384
    private static let recordOverhead = 64
    /// What is read from the socket at once while a body comes in: four whole records, and 3 bytes
    /// that OpenSSL's buffer loses to alignment. OpenSSL fetches the rest of a record that came in
    /// part with a system call of its own. More than four were measured to be slower.
    private var bulkReadAhead: Int {
        // Header, content type and tag (RFC 8446 section 5.2); header, nonce and tag (RFC 5288).
        let overhead = version == .tls13 ? 5 + 1 + 16 : 5 + 8 + 16
        return 4 * (Self.recordPayload + overhead) + 3
    }

    /// The server's side. `nil` if OpenSSL has no memory for a session.
    public convenience init?(accepting channel: Channel, with context: TLSContext) {
        unsafe self.init(channel) { wire in
            // SAFETY: the session counts a reference on the context; the wire outlives it.
            unsafe tls_accepting_session(context.raw, wire)
        }
    }

    /// The client's side. The peer's certificate must be valid, lead to the context's authorities
    /// and have `host` among its alternative names, where a wildcard stands for one whole label.
    ///
    /// - Parameters:
    ///   - host: a DNS name, or a literal address without brackets.
    ///   - isAddress: which of the two.
    /// - Returns: `nil` if OpenSSL has no memory for a session, or `host` is neither.
    public convenience init?(
        connecting channel: Channel,
        to host: String,
        isAddress: Bool,
        with context: TLSClientContext
    ) {
        unsafe self.init(channel) { wire in
            // SAFETY: as above; OpenSSL copies the name.
            unsafe tls_connecting_wire_session(context.raw, wire, host, isAddress)
        }
    }

    private init?(
        _ channel: Channel,
        session make: (UnsafeMutablePointer<tls_wire>) -> OpaquePointer?
    ) {
        self.channel = channel
        unsafe wire = .allocate(capacity: 1)
        unsafe wire.initialize(to: tls_wire())
        // SAFETY: this object holds the channel, and with it the shared state, as long as the wire.
        unsafe wire.pointee.socket = channel.sharedState
        guard let session = unsafe make(wire) else {
            unsafe wire.deallocate()
            return nil
        }
        unsafe self.session = session
    }

    deinit {
        unsafe SSL_free(session)
        unsafe wire.deallocate()
    }

    /// Whether `bytes`, the first of a connection, are one record at least, or begin none that a
    /// client may begin with: either way there is something to act on.
    public static func beginsWithWholeRecord(_ bytes: Span<UInt8>) -> Bool {
        // Type, version, length (RFC 8446 section 5.1); 22 is a handshake.
        if !bytes.isEmpty, bytes[0] != 22 { return true }
        return bytes.count >= 5 && bytes.count - 5 >= Int(bytes[3]) << 8 | Int(bytes[4])
    }

    /// What was agreed on; for the log. Meaningful once the handshake is complete.
    public var version: TLSContext.Version {
        unsafe tls_version(session) == TLS1_3_VERSION ? .tls13 : .tls12
    }

    /// The host name that the client asked for (RFC 6066 section 3), if any.
    public var serverName: String? {
        // SAFETY: OpenSSL owns the string, which ends with a zero and lives as long as the session.
        guard let name = unsafe SSL_get_servername(session, TLSEXT_NAMETYPE_host_name) else {
            return nil
        }
        return unsafe String(cString: name)
    }

    /// Whether the certificate in use names `host`, a name or an address, in brackets if it is IPv6
    /// (RFC 6125 section 6.4).
    public func certificateNames(_ host: String) -> Bool {
        unsafe tls_certificate_names(session, host)
    }

    /// What a certificate may call its client.
    public enum ClientName: Sendable, CaseIterable {
        /// The common name of its subject.
        case commonName
        /// An alternative name.
        case email, dns

        fileprivate var kind: tls_name {
            switch self {
            case .commonName: TLS_COMMON_NAME
            case .email: TLS_EMAIL
            case .dns: TLS_DNS
            }
        }
    }

    /// Whether the client has shown a certificate, which then is a good one.
    public var hasClientCertificate: Bool {
        // SAFETY: the certificate stays the session's.
        unsafe SSL_get0_peer_certificate(session) != nil
    }

    /// What the client's certificate calls it; `nil` without one, and where there is not exactly
    /// one such name. Meaningful once the handshake is complete.
    public func clientName(_ name: ClientName) -> ByteString? {
        var room = [UInt8](repeating: 0, count: 256)
        // SAFETY: the call writes at most the array's bytes.
        let count = unsafe tls_client_name(session, name.kind, &room, room.count)
        return count > 0 ? ByteString(Array(room[..<count])) : nil
    }

    public var hasBufferedInput: Bool { unsafe SSL_has_pending(session) == 1 }

    public func expectBulk() { unsafe tls_read_ahead(session, bulkReadAhead) }

    public func handshake(sendingTo out: Buffer) throws(StreamError) -> HandshakeStep {
        switch lending(out, { unsafe tls_handshake(session) }) {
        case 1: return .complete
        case Int(TLS_WANTS_READ.rawValue): return .needsInput
        case Int(TLS_WANTS_WRITE.rawValue): return .needsRoom
        default: throw failure()
        }
    }

    public func receive(
        into buffer: Buffer,
        atMost limit: Int,
        sendingTo out: Buffer?
    ) throws(StreamError) -> ReceiveAttempt {
        if let brokenBy { throw brokenBy }
        let wanted = min(limit, buffer.room)
        var total = 0
        while total < wanted {
            // SAFETY: SSL_read_ex writes at most `count` bytes at `room`.
            let count = lending(out) {
                unsafe buffer.fill(atMost: wanted - total) { unsafe tls_read(session, $0, $1) }
            }
            if count > 0 {
                total += count
                // Gather further records only where that needs no system call in vain.
                if hasBufferedInput || channel.isReadable { continue }
            }
            if count == Int(TLS_FAILED.rawValue) { brokenBy = failure() }
            if total > 0 { break }
            if let brokenBy { throw brokenBy }
            switch count {
            case Int(TLS_CLOSED.rawValue): return .end
            case Int(TLS_WANTS_WRITE.rawValue): return .mustWrite
            default: return .wouldBlock
            }
        }
        return .bytes(total)
    }

    public func seal(_ plain: Buffer, into out: Buffer) throws(StreamError) {
        while !plain.isEmpty {
            let piece = min(plain.count, Self.recordPayload)
            guard out.room >= piece + Self.recordOverhead else { return }
            // SAFETY: SSL_write_ex reads `piece` bytes at `bytes`.
            let count = lending(out) {
                unsafe plain.withFilled { bytes, _ in unsafe tls_write(session, bytes, piece) }
            }
            guard count > 0 else { throw failure() }
            plain.consume(count)
        }
    }

    public func sealEnd(into out: Buffer) {
        guard out.room >= Self.recordOverhead else { return }
        lending(out) { unsafe tls_close(session) }
    }

    /// Runs one OpenSSL call with `out` as the place for its records.
    private func lending<Result>(_ out: Buffer?, _ body: () -> Result) -> Result {
        guard let out else { return body() }
        // SAFETY: `out` outlives the call, and the pointer is taken back after it. The BIO writes
        // from `out_end` to at most `out_size`.
        unsafe wire.pointee.out = out.baseAddress
        unsafe wire.pointee.out_end = out.end
        unsafe wire.pointee.out_size = out.capacity
        let result = body()
        unsafe wire.pointee.out = nil
        unsafe out.didFill(to: wire.pointee.out_end)
        return result
    }

    private func failure() -> StreamError {
        if unsafe wire.pointee.not_tls { return .notTLS }
        let code = unsafe wire.pointee.error
        if code != 0 { return .system(SystemError(call: "recv", code: code)) }
        if unsafe wire.pointee.renegotiates { return .tls("it wants to negotiate anew") }
        if unsafe wire.pointee.floods { return .tls("too many records without data") }
        let reason = OpenSSLError.take()
        // SAFETY: OpenSSL's text is constant.
        if let problem = unsafe tls_verification_problem(session) {
            return unsafe .tls("\(reason): \(String(cString: problem))")
        }
        if unsafe wire.pointee.ended { return .ended }
        return .tls(reason)
    }
}
