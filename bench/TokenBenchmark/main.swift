import AccessControl
import Bytes
import RegistryAPI
import Secrets
import Tokens

// How long it takes to check a bearer token: one that the loop has seen before, and one that it has
// not. Prints the median and the 99th percentile of many runs, each of a thousand checks or one.

struct Sample {
    var nanoseconds: [Double] = []

    var median: Double { nanoseconds.sorted()[nanoseconds.count / 2] }
    var percentile99: Double { nanoseconds.sorted()[nanoseconds.count * 99 / 100] }

    func line(_ name: String, limit: Double) -> String {
        func shown(_ value: Double) -> String { "\((value / 10).rounded() / 100) us" }
        let verdict = median < limit ? "ok" : "TOO SLOW"
        return "\(name): median \(shown(median)), p99 \(shown(percentile99)) (\(verdict))"
    }
}

func nanoseconds(_ work: () -> Void) -> Double {
    let time = ContinuousClock().measure(work)
    return Double(time.components.seconds) * 1e9 + Double(time.components.attoseconds) / 1e9
}

func makeToken(_ number: Int, groupCount: Int) -> BearerToken {
    var access = TokenAccess()
    access.allow([.pull, .create, .overwrite], on: "team/application")
    access.allow(.pull, on: "library/base")
    return BearerToken(
        user: "ann",
        provider: .htpasswd,
        groups: (0..<groupCount).map { GroupMembership(name: ByteString("group-\($0)")) },
        access: access,
        issued: 1_767_225_600,
        expiry: 1_767_225_900,
        id: ByteString("token-\(number)")
    )
}

func run() throws {
    let authority = TokenAuthority(keys: try .random(), service: "registry-proxy", lifetime: 300)
    for groupCount in [0, 10, 100] {
        let memory = TokenMemory(authority)
        let texts = (0..<2000).compactMap {
            memory.signer.sign(makeToken($0, groupCount: groupCount))?.bytes
        }
        var good = 0
        func check(_ text: [UInt8]) {
            if case .good = memory.lookup(text.span, now: 1_767_225_601) { good += 1 }
        }
        var first = Sample()
        for text in texts { first.nanoseconds.append(nanoseconds { check(text) }) }
        var again = Sample()
        check(texts[0])
        for _ in 0..<2000 {
            let time = nanoseconds { for _ in 0..<1000 { check(texts[0]) } }
            again.nanoseconds.append(time / 1000)
        }
        precondition(good == texts.count + 1 + 2_000_000, "a token was not good")
        print("\(groupCount) groups, \(texts[0].count) bytes")
        print("  " + again.line("seen before", limit: 3000))
        print("  " + first.line("first time", limit: 10_000))
    }
}

try run()
