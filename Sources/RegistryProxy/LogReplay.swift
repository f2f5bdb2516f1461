import AccessControl
import Bytes
import ProxyConfig
import RegistryAPI

/// Asks two policies about the requests of an access log, and counts the answers that differ.
struct LogReplay {
    /// Requests that differ in the same way.
    struct Group: Hashable {
        let subject: String
        let operation: String
        let repository: String
        let gained: [String]
        let lost: [String]
    }

    struct Tally {
        var count = 0
        /// The first of them.
        var example: String
    }

    private(set) var lineCount = 0
    /// Lines about rights in a repository.
    private(set) var requestCount = 0
    private(set) var changedCount = 0
    /// Requests whose users may have been in groups that the log does not tell.
    private(set) var unsureCount = 0
    private(set) var groups: [Group: Tally] = [:]
    private let old: AccessPolicy
    private let new: AccessPolicy
    private var scratch = Decision()

    /// More kinds of change than this are counted only.
    static let mostGroups = 10_000
    /// The longest line of the access log is far shorter.
    static let longestLine = 64 << 10

    init(_ old: AccessPolicy, _ new: AccessPolicy) {
        self.old = old
        self.new = new
    }

    mutating func add(line: [UInt8]) {
        lineCount += 1
        guard line.count <= Self.longestLine, let request = LoggedRequest(line: line) else {
            return
        }
        requestCount += 1
        if request.mayHaveDirectoryGroups { unsureCount += 1 }
        let before = request.granted(by: old, &scratch)
        let after = request.granted(by: new, &scratch)
        guard before != after else { return }
        changedCount += 1
        let group = Group(
            subject: request.identity.user.map { "user \($0)" } ?? "anonymous",
            operation: request.operation,
            repository: "\(request.repository.bytes)",
            gained: after.subtracting(before).words,
            lost: before.subtracting(after).words
        )
        guard groups[group] != nil || groups.count < Self.mostGroups else { return }
        let what = request.reference.map { " \($0)" } ?? ""
        groups[group, default: Tally(example: "\(request.time) \(request.id)\(what)")].count += 1
    }

    /// The most frequent first.
    var sorted: [(group: Group, tally: Tally)] {
        groups.map { ($0.key, $0.value) }
            .sorted { one, other in
                (-one.tally.count, one.group.subject, one.group.repository, one.group.operation)
                    < (
                        -other.tally.count, other.group.subject, other.group.repository,
                        other.group.operation
                    )
            }
    }
}
