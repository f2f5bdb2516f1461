import Bytes
import HTTPWire
import Logbook
import NetIO

/// Tells the operator what is wrong with the registry: each kind of fault at once, and then at most
/// once a minute with the number of those that were not told. Callable from any thread.
final class UpstreamFaults: Sendable {
    enum Kind: Int, CaseIterable {
        /// No connection, or no TLS session.
        case unreachable
        /// It broke HTTP/1.1 or TLS after that.
        case malformed
        /// 401 or 407, with the proxy's own credentials or without any.
        case refusesLogin
        /// It took or gave a body too slowly (`timeouts.stall`, `limits.minimum_rate`).
        case slow
        /// It redirects where it may not, or storage does not give the blob.
        case redirect

        fileprivate var text: String {
            switch self {
            case .unreachable: "unreachable"
            case .malformed: "malformed"
            case .refusesLogin: "refuses_login"
            case .slow: "slow"
            case .redirect: "redirect"
            }
        }

        fileprivate var message: String {
            switch self {
            case .unreachable: "the registry cannot be reached"
            case .malformed: "the registry's answer cannot be read"
            case .refusesLogin: "the registry does not let the proxy in"
            case .slow: "the registry takes or gives a body too slowly"
            case .redirect: "the registry redirects, and the proxy does not go there"
            }
        }
    }

    private struct Told {
        var next = Instant(nanoseconds: .min)
        var untold = 0
    }

    private let log: OperatorLog
    private let told = Locked(Array(repeating: Told(), count: Kind.allCases.count))

    private static let interval: Int64 = 60_000_000_000

    init(_ log: OperatorLog) { self.log = log }

    func note(_ kind: Kind, _ reason: String, at now: Instant) {
        let untold: Int? = told.withLock { told in
            guard told[kind.rawValue].next <= now else {
                told[kind.rawValue].untold += 1
                return nil
            }
            defer { told[kind.rawValue] = Told(next: now.advanced(by: Self.interval)) }
            return told[kind.rawValue].untold
        }
        guard let untold else { return }
        log.log(
            .error,
            "upstream.failed",
            kind.message,
            [("kind", .string(kind.text)), ("reason", .string(reason)), ("untold", .int(untold))]
        )
    }
}

extension StreamError {
    /// For the operator. Nothing in it comes from a client.
    var reason: String {
        switch self {
        case .timedOut(let name): "nothing came within timeouts.\(name.rawValue)"
        case .system(let error): error.description
        case .tls(let reason): "TLS: \(reason)"
        case .notTLS: "it does not speak TLS"
        case .ended: "it ended the connection"
        case .cancelled: "the proxy is shutting down"
        }
    }
}

extension ReadFailure {
    /// What the registry has broken; `nil` if it only went away or was slow.
    var brokenRule: String? {
        switch self {
        case .malformed(let rule): rule.reason.description
        case .stream(.tls(let reason)): "TLS: \(reason)"
        case .stream: nil
        }
    }
}
