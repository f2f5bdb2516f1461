import NetIO

/// What was being done when something failed, and what `ldap-check` shows.
public enum DirectoryStep: String, Sendable {
    case resolve, connect, tls
    case startTLS = "start_tls"
    case serviceBind = "service_bind"
    case search, bind
    case whoAmI = "who_am_i"
    case entry, groups
}

/// Why the directory could not say yes or no.
struct LDAPError: Error, Sendable, Equatable {
    enum Reason: Sendable, Equatable {
        case noAddress
        case stream(StreamError)
        case timedOut
        /// The server ended the connection.
        case lost
        /// What came is no answer to the request, or too large for one.
        case notUnderstood
        /// The request was answered with this code (RFC 4511 appendix A).
        case result(code: Int32, diagnostic: String)
        /// Something came in the clear where TLS had to begin.
        case injected
        case tooManyGroups(limit: Int)
        case ambiguousGroup(String)
        /// The filter or a name cannot be sent: our configuration is wrong, or memory has run out.
        case unsendable
        /// The entry of a user whose password is right cannot be read.
        case unreadableEntry
        /// Every server is known to be down.
        case allDown
    }

    var step: DirectoryStep
    var reason: Reason
    /// Whether a user's password had been sent: then nothing is tried again, because a directory
    /// counts wrong ones.
    var isAfterBind = false

    init(_ step: DirectoryStep, _ reason: Reason) {
        self.step = step
        self.reason = reason
    }

    /// Whether the server is to blame: another one may do better, and this one should rest.
    var isServersFault: Bool {
        switch reason {
        case .noAddress, .stream, .timedOut, .lost, .notUnderstood, .injected: true
        case .result(let code, _): step == .serviceBind || [1, 51, 52, 80].contains(code)
        case .tooManyGroups, .ambiguousGroup, .unsendable, .unreadableEntry, .allDown: false
        }
    }

    /// Whether the connection had died before the answer: a new one may not have.
    var isDeadConnection: Bool {
        switch reason {
        case .stream(.system), .stream(.ended), .stream(.tls), .lost: true
        default: false
        }
    }

    /// For the operator.
    var description: String {
        "\(step.rawValue): \(reasonText)"
    }

    private var reasonText: String {
        switch reason {
        case .noAddress: "the name has no address"
        case .stream(.system(let error)): "\(error)"
        case .stream(.tls(let reason)): "TLS: \(reason)"
        case .stream(.timedOut), .timedOut: "no answer in time"
        case .stream, .lost: "the server ended the connection"
        case .notUnderstood: "the answer cannot be understood"
        case .result(let code, let diagnostic):
            "result \(code) (\(ResultCode.name(of: code)))\(diagnostic.isEmpty ? "" : ": ")"
                + diagnostic
        case .injected: "bytes in the clear came before TLS"
        case .tooManyGroups(let limit): "the user is in more than \(limit) groups"
        case .ambiguousGroup(let name): "two groups of the user are called \(name)"
        case .unsendable: "the request cannot be made (is the filter right?)"
        case .unreadableEntry: "the user's entry cannot be read (a bind_dn that may read it)"
        case .allDown: "every server is down"
        }
    }
}

/// The codes of RFC 4511 section 4.1.9 that matter here.
enum ResultCode {
    static let success: Int32 = 0
    static let sizeLimitExceeded: Int32 = 4
    static let noSuchObject: Int32 = 32

    static func name(of code: Int32) -> String { names[code] ?? "unknown" }

    private static let names: [Int32: String] = [
        1: "operationsError", 2: "protocolError", 3: "timeLimitExceeded", 4: "sizeLimitExceeded",
        7: "authMethodNotSupported", 8: "strongerAuthRequired", 10: "referral",
        11: "adminLimitExceeded", 13: "confidentialityRequired", 14: "saslBindInProgress",
        16: "noSuchAttribute", 32: "noSuchObject", 34: "invalidDNSyntax",
        48: "inappropriateAuthentication", 49: "invalidCredentials", 50: "insufficientAccessRights",
        51: "busy", 52: "unavailable", 53: "unwillingToPerform", 80: "other",
    ]
}
