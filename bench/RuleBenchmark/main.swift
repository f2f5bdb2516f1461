// How long a decision takes, by the number of rules: `scripts/bench-rules`.

import AccessControl
import Bytes
import RegistryAPI

/// A set of rules and the questions that are put to it.
struct Workload {
    let name: String
    let rule: (Int) throws -> AccessRule
    let identity: (Int) -> Identity
    let repository: (Int) -> String
}

let position = SourcePosition(file: "bench.yaml", line: 1, column: 1)

func rule(_ index: Int, _ who: String, _ pattern: String, isDeny: Bool = false) throws -> AccessRule
{
    AccessRule(
        id: "r\(index)",
        who: [try Subject(parsing: ByteString(who))],
        repositories: [try RepositoryPattern(ByteString(pattern))],
        tags: isDeny ? [try TagPattern("v*")] : nil,
        effect: isDeny ? .deny([.overwrite, .delete]) : .allow(.push),
        position: position
    )
}

func member(_ index: Int, of groups: String...) -> Identity {
    Identity(
        user: ByteString("user-\(index)"),
        groups: groups.map { GroupMembership(name: ByteString($0)) },
        provider: .ldap
    )
}

let workloads = [
    Workload(
        name: "a prefix for each rule",
        rule: { try rule($0, "anyone", "team-\($0)/**", isDeny: $0 % 4 == 3) },
        identity: { member($0) },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "a user for each rule",
        rule: { try rule($0, "user:user-\($0)", "**", isDeny: $0 % 4 == 3) },
        identity: { member($0) },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "a group and a prefix for each rule",
        rule: { try rule($0, "group:team-\($0)", "team-\($0)/*/api", isDeny: $0 % 4 == 3) },
        identity: { member($0, of: "team-\($0)", "team-\($0 + 1)", "all", "staff", "berlin") },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "{group} under a wildcard, the rest by prefix",
        rule: {
            try $0 == 0
                ? rule(0, "group:team-*", "{group}/**") : rule($0, "anyone", "team-\($0)/**")
        },
        identity: { member($0, of: "team-\($0)", "team-\($0 + 1)", "team-x") },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "no literal beginning at all",
        rule: { try rule($0, "anyone", "**/app-\($0)", isDeny: $0 % 4 == 3) },
        identity: { member($0) },
        repository: { "team/app-\($0)" }
    ),
]

/// - Returns: the median of single decisions, in nanoseconds.
func median(_ policy: AccessPolicy, _ workload: Workload, _ count: Int) -> Int {
    let clock = ContinuousClock()
    var scratch = Decision()
    let questions = (0..<64).map { step in
        let index = step * 7919 % count
        return (workload.identity(index), Array(workload.repository(index).utf8))
    }
    let rounds = count > 1000 ? 20 : 100
    var times: [Int] = []
    for round in 0..<rounds {
        for (identity, name) in questions {
            let time = clock.measure {
                policy.decide(identity, name.span, in: Circumstances(), into: &scratch)
            }
            precondition(!scratch.allow.isEmpty || !scratch.deny.isEmpty)
            if round > 0 { times.append(Int(time.components.attoseconds / 1_000_000_000)) }
        }
    }
    times.sort()
    return times[times.count / 2]
}

for workload in workloads {
    print(workload.name)
    for count in [1, 10, 100, 1000, 10_000] {
        let rules = try (0..<count).map { try workload.rule($0) }
        var policy = AccessPolicy.empty
        let compiling = ContinuousClock().measure { policy = AccessPolicy(rules: rules) }
        let nanoseconds = median(policy, workload, count)
        let compiled = compiling.components.attoseconds / 1_000_000_000_000
        print("  \(count) rules: \(nanoseconds) ns per decision, compiled in \(compiled) us")
    }
}
