import AccessControl
import Bytes
import RegistryAPI

/// A set of rules and the questions that are put to it.
struct Workload: Sendable {
    let name: String
    let rule: @Sendable (Int) throws -> AccessRule
    let identity: @Sendable (Int) -> Identity
    let repository: @Sendable (Int) -> String
}

/// One shape for each way in which ten thousand rules may look alike.
let workloads = [
    Workload(
        name: "a prefix for each rule",
        rule: { try rule($0, "anyone", "team-\($0)/**") },
        identity: { member($0) },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "a user for each rule",
        rule: { try rule($0, "user:user-\($0)", "**") },
        identity: { member($0) },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "a group and a prefix for each rule",
        rule: { try rule($0, "group:team-\($0)", "team-\($0)/*/api") },
        identity: { member($0, of: ["team-\($0)", "team-\($0 + 1)", "all", "staff", "berlin"]) },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "a group for each rule, somebody in fifty",
        rule: { try rule($0, "group:team-\($0)", "team-\($0)/**") },
        identity: { index in member(index, of: (index..<index + 50).map { "team-\($0)" }) },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "{group} under a wildcard, the rest by prefix",
        rule: {
            try $0 == 0
                ? rule(0, "group:team-*", "{group}/**") : rule($0, "anyone", "team-\($0)/**")
        },
        identity: { member($0, of: ["team-\($0)", "team-\($0 + 1)", "team-x"]) },
        repository: { "team-\($0)/app/api" }
    ),
    Workload(
        name: "{group} and an end for each rule",
        rule: { try rule($0, "group:team-*", "{group}/app-\($0)") },
        identity: { member($0, of: ["team-\($0)", "team-\($0 + 1)", "team-x"]) },
        repository: { "team-\($0)/app-\($0)" }
    ),
    Workload(
        name: "a wildcard of groups for each rule",
        rule: { try rule($0, "group:team-\($0)-*", "{group}/**") },
        identity: { member($0, of: ["team-\($0)-dev", "team-\($0 + 1)-dev", "staff"]) },
        repository: { "team-\($0)-dev/app" }
    ),
    Workload(
        name: "no literal beginning, an end for each rule",
        rule: { try rule($0, "anyone", "**/app-\($0)") },
        identity: { member($0) },
        repository: { "team/app-\($0)" }
    ),
    Workload(
        name: "a literal part in the middle for each rule",
        rule: { try rule($0, "anyone", "*/app-\($0)/**") },
        identity: { member($0) },
        repository: { "team/app-\($0)/web" }
    ),
    Workload(
        name: "a literal inside a part for each rule",
        rule: { try rule($0, "anyone", "**/*-\($0)-*/**") },
        identity: { member($0) },
        repository: { "team/x-\($0)-y/web" }
    ),
    Workload(
        name: "alternatives before what tells the rules apart",
        rule: { try rule($0, "anyone", "{dev,test,prod}/team-\($0)/**") },
        identity: { member($0) },
        repository: { "test/team-\($0)/web" }
    ),
    Workload(
        name: "one rule for everybody, the rest each for another user",
        rule: {
            try $0 == 0 ? rule(0, "anyone", "**") : rule($0, "user:user-\($0)", "users/{user}/**")
        },
        identity: { member($0) },
        repository: { "users/user-\($0)/web" }
    ),
]

private let position = SourcePosition(file: "bench.yaml", line: 1, column: 1)

/// Every fourth denies.
private func rule(_ index: Int, _ who: String, _ pattern: String) throws -> AccessRule {
    let isDeny = index % 4 == 3
    return AccessRule(
        id: "r\(index)",
        who: [try Subject(parsing: ByteString(who))],
        repositories: [try RepositoryPattern(ByteString(pattern))],
        tags: isDeny ? [try TagPattern("v*")] : nil,
        effect: isDeny ? .deny([.overwrite, .delete]) : .allow(.push),
        position: position
    )
}

private func member(_ index: Int, of groups: [String] = []) -> Identity {
    Identity(
        user: ByteString("user-\(index)"),
        groups: groups.map { GroupMembership(name: ByteString($0)) },
        provider: .ldap
    )
}
