// How long a decision takes, by the number and the shape of the rules: `scripts/bench-rules`.

import AccessControl
import RegistryAPI

/// - Returns: the median of single decisions, in nanoseconds.
func median(_ policy: AccessPolicy, _ workload: Workload, _ count: Int) -> Int {
    var scratch = Decision()
    let questions = (0..<64).map { step in
        let index = step * 7919 % count
        return (workload.identity(index), Array(workload.repository(index).utf8))
    }
    var times: [Int] = []
    for round in 0..<40 {
        for (identity, name) in questions {
            let time = ContinuousClock().measure {
                policy.decide(identity, name.span, in: Circumstances(), into: &scratch)
            }
            precondition(!scratch.allow.isEmpty || !scratch.deny.isEmpty)
            if round > 0 { times.append(nanoseconds(time)) }
        }
    }
    times.sort()
    return times[times.count / 2]
}

func nanoseconds(_ time: Duration) -> Int {
    Int(time.components.seconds) * 1_000_000_000
        + Int(time.components.attoseconds / 1_000_000_000)
}

func milliseconds(_ time: Duration) -> Int { nanoseconds(time) / 1_000_000 }

for workload in workloads {
    print(workload.name)
    for count in [1, 10, 100, 1000, 10_000] {
        let rules = try (0..<count).map { try workload.rule($0) }
        let clock = ContinuousClock()
        var policy = AccessPolicy.empty
        let compiling = clock.measure { policy = AccessPolicy(rules: rules) }
        let decision = median(policy, workload, count)
        var text = "  \(count) rules: \(decision) ns per decision"
        if count == 10_000 {
            let linting = clock.measure {
                _ = policy.lint(now: Moment(secondsSince1970: 0), hasDirectory: true)
            }
            text += ", compiled in \(milliseconds(compiling)) ms, "
            text += "lint in \(milliseconds(linting)) ms"
        }
        print(text)
    }
}
