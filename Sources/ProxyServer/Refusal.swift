import AccessControl
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI

/// An answer of our own that says no, and why.
struct Refusal: Error {
    var status: Int
    var code: RegistryErrorCode
    var message: ByteString
    var outcome = AccessRecord.Outcome.refused
    /// Which repository and action it was about.
    var resource: ErrorBody.Resource?
    /// Says how to log in.
    var challenges = false
    /// Asks for a user name and a password, whatever is asked for elsewhere.
    var asksForPassword = false
    /// What is wrong with the token that was sent.
    var tokenError: Challenge.TokenError?
    /// Seconds until it is worth trying again.
    var retryAfter: Int?
    /// The methods that the route does take.
    var allow: StaticString?
    /// The connection cannot be used any more: what follows on it has no certain meaning.
    var closes = false

    init(_ status: Int, _ code: RegistryErrorCode, _ message: ByteString) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// A message that broke the syntax of HTTP.
    static func malformed(_ error: WireError) -> Refusal {
        var refusal = Refusal(error.status, .badRequest, ByteString(error.reason.description))
        refusal.closes = true
        return refusal
    }

    static func unrouted(_ error: RoutingError) -> Refusal {
        var refusal = Refusal(error.status, error.code, ByteString(error.message.description))
        refusal.allow = error.allow
        return refusal
    }

    /// A host was asked for that the connection was not made for.
    static let misdirected: Refusal = Refusal(
        421,
        .badRequest,
        "the Host field names another host than the TLS connection"
    )

    static func unauthorized(_ message: ByteString) -> Refusal {
        var refusal = Refusal(401, .unauthorized, message)
        refusal.challenges = true
        return refusal
    }

    static func invalidToken(_ message: ByteString) -> Refusal {
        var refusal = unauthorized(message)
        refusal.tokenError = .invalidToken
        return refusal
    }

    /// The rules would allow it, and the token is for something else.
    static let insufficientScope: Refusal = {
        var refusal = unauthorized("the token is not for this: ask for another one")
        refusal.tokenError = .insufficientScope
        return refusal
    }()

    static func denied(_ denial: Denial) -> Refusal {
        var refusal = Refusal(403, .denied, denial.message)
        refusal.resource = denial.resource
        return refusal
    }

    static func unavailable(_ message: ByteString, retryAfter: Int) -> Refusal {
        var refusal = Refusal(503, .unavailable, message)
        refusal.retryAfter = retryAfter
        return refusal
    }

    static func guessing(retryAfter: Int) -> Refusal {
        var refusal = Refusal(429, .tooManyRequests, "too many wrong passwords came from here")
        refusal.retryAfter = retryAfter
        return refusal
    }

    /// The registry cannot be reached, broke its answer or sent one that must not be passed on.
    static func badGateway(_ message: ByteString) -> Refusal {
        var refusal = Refusal(502, .unavailable, message)
        refusal.outcome = .upstreamAborted
        return refusal
    }

    static func late(_ status: Int, _ message: ByteString, _ name: TimeoutName) -> Refusal {
        var refusal = Refusal(status, status == 408 ? .badRequest : .unavailable, message)
        refusal.outcome = name.outcome ?? refusal.outcome
        refusal.closes = status == 408
        return refusal
    }
}

/// Why an exchange did not go its way to the end.
enum Interruption: Error {
    /// We answer ourselves; nothing was answered before.
    case refused(Refusal)
    /// The client is gone, too slow, or broke its own message: no answer can be finished.
    case downstream(ReadFailure)
    /// The registry broke off after its answer had begun.
    case upstream(ReadFailure)

    /// What the log says of it.
    var outcome: AccessRecord.Outcome {
        switch self {
        case .refused(let refusal): refusal.outcome
        case .downstream(.stream(.timedOut(let name))): name.outcome ?? .clientAborted
        case .upstream(.stream(.timedOut(let name))): name.outcome ?? .upstreamAborted
        case .downstream(.stream(.cancelled)), .upstream(.stream(.cancelled)): .timeout(.drain)
        case .downstream: .clientAborted
        case .upstream: .upstreamAborted
        }
    }
}
