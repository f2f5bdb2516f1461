import Bytes
import HTTPWire
import Logbook
import RegistryAPI
import Testing

@testable import NetIO
@testable import ProxyServer

@Suite struct RefusalTests {
    @Test func everyBrokenRuleOfTheWireClosesTheConnection() {
        for error in WireError.allCases {
            let refusal = Refusal.malformed(error)
            #expect(refusal.status == error.status)
            #expect(refusal.closes)
            #expect(refusal.outcome == .refused)
            #expect(!refusal.message.isEmpty)
            #expect((400...505).contains(refusal.status))
        }
    }

    @Test(
        "a route that is none is refused with its own code, and the connection goes on",
        arguments: [
            (RoutingError.unknownRoute, 404, RegistryErrorCode.unsupported),
            (.methodNotAllowed(allow: "GET, HEAD"), 405, .unsupported),
            (.nameInvalid, 400, .nameInvalid), (.tagInvalid, 400, .tagInvalid),
            (.digestInvalid, 400, .digestInvalid),
            (.pageNumberInvalid, 400, .paginationNumberInvalid),
        ]
    )
    func unrouted(error: RoutingError, status: Int, code: RegistryErrorCode) {
        let refusal = Refusal.unrouted(error)
        #expect(refusal.status == status)
        #expect(refusal.code == code)
        #expect(!refusal.closes)
        #expect((refusal.allow != nil) == (status == 405))
    }

    @Test func eachRefusalSaysWhatProductSays() {
        #expect(Refusal.unauthorized("x").status == 401)
        #expect(Refusal.unauthorized("x").challenges)
        #expect(Refusal.unavailable("x", retryAfter: 7).status == 503)
        #expect(Refusal.unavailable("x", retryAfter: 7).retryAfter == 7)
        #expect(Refusal.badGateway("x").status == 502)
        #expect(Refusal.badGateway("x").outcome == .upstreamAborted)
        #expect(Refusal.misdirected.status == 421)
        #expect(Refusal.misdirected.code == .badRequest)
        #expect(Refusal.manifestTooLarge(4).status == 413)
        #expect(Refusal.manifestTooLarge(4).code == .manifestInvalid)
        // A late request has no certain end; a late registry says nothing about the client.
        #expect(Refusal.late(408, "x", .requestHead).closes)
        #expect(Refusal.late(408, "x", .requestHead).code == .badRequest)
        #expect(!Refusal.late(504, "x", .stall).closes)
        #expect(Refusal.late(504, "x", .stall).code == .unavailable)
    }

    @Test func connectingFailsWith502AndItsReason() {
        let timeout = Refusal.unreachable(.timedOut(.upstreamConnect))
        #expect(timeout.status == 502)
        #expect(timeout.outcome == .timeout(.upstreamConnect))
        #expect(Refusal.unreachable(.cancelled).status == 503)
        for error in [
            StreamError.system(SystemError(call: "connect", code: 111)), .tls("x"), .notTLS, .ended,
        ] {
            #expect(Refusal.unreachable(error).status == 502)
            #expect(Refusal.unreachable(error).outcome == .upstreamAborted)
        }
    }
}

@Suite struct OutcomeTests {
    /// What the log calls it if it happens on the client's side, and on the registry's.
    @Test(
        "the side that failed is the one that is named",
        arguments: [
            (
                StreamError.system(SystemError(call: "recv", code: 104)),
                AccessRecord.Outcome.clientAborted, AccessRecord.Outcome.upstreamAborted
            ),
            (.ended, .clientAborted, .upstreamAborted),
            (.tls("x"), .clientAborted, .upstreamAborted),
            (.notTLS, .clientAborted, .upstreamAborted),
            (.cancelled, .timeout(.drain), .timeout(.drain)),
            (.timedOut(.stall), .timeout(.stall), .timeout(.stall)),
        ]
    )
    func sides(
        error: StreamError,
        downstream: AccessRecord.Outcome,
        upstream: AccessRecord.Outcome
    ) {
        #expect(Interruption.downstream(.stream(error)).outcome == downstream)
        #expect(Interruption.upstream(.stream(error)).outcome == upstream)
    }

    @Test func brokenSyntaxIsTheFaultOfWhoWroteIt() {
        #expect(Interruption.downstream(.malformed(.chunkSizeMalformed)).outcome == .clientAborted)
        #expect(Interruption.upstream(.malformed(.chunkSizeMalformed)).outcome == .upstreamAborted)
        #expect(Interruption.refused(.misdirected).outcome == .refused)
    }

    /// Otherwise the log would call a time-out a client's departure.
    @Test func everyTimeoutThatCanEndAnExchangeHasItsName() {
        var ends = Set<AccessRecord.Outcome>()
        for name in TimeoutName.allCases {
            guard let outcome = name.outcome else { continue }
            #expect(outcome.text.description == "timeout:\(name.rawValue)")
            ends.insert(outcome)
        }
        #expect(ends.count == AccessRecord.Deadline.allCases.count)
    }
}
