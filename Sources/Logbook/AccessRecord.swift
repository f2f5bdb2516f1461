public import Bytes

/// What is known of one request when it has ended: the content of one line of the access log.
///
/// Filled while the request goes through the house; what never became known stays `nil` and its key
/// is absent. Method, path, query and user agent are places in the request head, which must still
/// be there when the line is written. Secrets have no place here: no `Authorization`, no cookie.
public struct AccessRecord: Sendable {
    /// How an identity was proven.
    public enum Login: UInt8, Sendable, CaseIterable {
        case htpasswd, ldap, certificate, token, anonymous
    }

    /// How the exchange ended.
    public enum Outcome: Sendable, Hashable {
        /// The whole answer was sent.
        case complete
        /// The proxy answered itself, with an error.
        case refused
        /// The downstream side went away first.
        case clientAborted
        /// The upstream side broke off.
        case upstreamAborted
        /// This deadline cut it.
        case timeout(Deadline)
    }

    /// The deadlines that can end an exchange; the names are those of `timeouts` in the
    /// configuration.
    public enum Deadline: UInt8, Sendable, CaseIterable {
        case requestHead, stall, upstreamConnect, upstreamResponse, manifestBody, upstreamCommit
        case linger, drain
    }

    /// What the access rules said.
    public enum Decision: UInt8, Sendable, CaseIterable {
        case allowed, denied
    }

    /// The protocol version of the downstream connection.
    public enum TLSVersion: UInt8, Sendable, CaseIterable {
        case tls12, tls13
    }

    /// When the request began.
    public var time: WallTime
    public var id: RequestID
    /// What a trusted proxy in front calls the request; then that is its id, everywhere.
    public var givenID: GivenRequestID?
    /// The downstream address as text, without port.
    public var client: ByteString?
    /// The verified user; never a name that was only claimed.
    public var user: ByteString?
    public var login: Login?
    /// Of an attempt that was not verified.
    public var claimedUser: ByteString?

    /// In the request head, as the three below.
    public var method: Place?
    /// Without query. If it holds more (a target that could not be read), that is not shown.
    public var path: Place?
    public var query: Place?
    public var userAgent: Place?
    /// The `x` of `HTTP/1.x`. Only `combined` shows it.
    public var minorVersion: UInt8 = 1

    public var operation: OperationName?
    public var repository: ByteString?
    /// Tag or digest.
    public var reference: ByteString?
    public var decision: Decision?
    /// What the shadow rules said, where they differ from `decision`.
    public var shadow: Decision?
    /// Ids of the rules that decided.
    public var rules: [ByteString] = []

    /// What was sent to the client.
    public var status: Int?
    public var outcome: Outcome?
    /// Bytes of the request's body, as read.
    public var bytesIn: Int?
    /// Bytes of the answer's body, as sent.
    public var bytesOut: Int?
    /// Nanoseconds from the request's begin to the first byte of the answer.
    public var firstByte: Int64?
    /// Nanoseconds from the request's begin to its end.
    public var duration: Int64?
    /// Nanoseconds from the request's going upstream to the head of the answer.
    public var upstream: Int64?
    /// `nil` for plain HTTP.
    public var tls: TLSVersion?

    public init(time: WallTime, id: RequestID) {
        self.time = time
        self.id = id
    }
}

extension AccessRecord.Login {
    public var text: StaticString {
        switch self {
        case .htpasswd: "htpasswd"
        case .ldap: "ldap"
        case .certificate: "certificate"
        case .token: "token"
        case .anonymous: "anonymous"
        }
    }
}

extension AccessRecord.Outcome {
    public var text: StaticString {
        switch self {
        case .complete: "complete"
        case .refused: "refused"
        case .clientAborted: "client_aborted"
        case .upstreamAborted: "upstream_aborted"
        case .timeout(.requestHead): "timeout:request_head"
        case .timeout(.stall): "timeout:stall"
        case .timeout(.upstreamConnect): "timeout:upstream_connect"
        case .timeout(.upstreamResponse): "timeout:upstream_response"
        case .timeout(.manifestBody): "timeout:manifest_body"
        case .timeout(.upstreamCommit): "timeout:upstream_commit"
        case .timeout(.linger): "timeout:linger"
        case .timeout(.drain): "timeout:drain"
        }
    }
}

extension AccessRecord.Decision {
    public var text: StaticString {
        switch self {
        case .allowed: "allowed"
        case .denied: "denied"
        }
    }
}

extension AccessRecord.TLSVersion {
    public var text: StaticString {
        switch self {
        case .tls12: "1.2"
        case .tls13: "1.3"
        }
    }
}
