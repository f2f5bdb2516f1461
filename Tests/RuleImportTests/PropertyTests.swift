import AccessControl
import Bytes
import Testing

@testable import RuleImport

/// Deterministic, so that a failure can be seen again.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Random lists and tables of the other programs, with their own way of deciding written down a
/// second time, in the plainest form.
@Suite struct PropertyTests {
    static let users: [String?] = [nil, "ann", "bob", "carl", "root"]
    static let names = ["a", "b", "a/b", "a/c", "b/a", "ann", "ann/x", "bob/x/y", "a/b/c", "lib"]
    static let letters = ["p", "c", "o", "d"]

    @Test("of docker_auth's lists, never more is given, and most often the same", arguments: 0..<60)
    func dockerAuth(seed: UInt64) throws {
        var dice = Dice(state: seed)
        let accounts = ["ann", "bob", "", "/.+/", "/.*/", "/^(ann|carl)$/", "root"]
        let patterns = ["a/*", "*", "/^a//", "a/b", "${account}/*", "b/*", "/.*/", "/^lib$/"]
        let choices = [["*"], ["pull"], ["pull", "push"], [], ["pull", "delete"]]
        var entries: [(account: String?, name: String?, actions: [String])] = []
        for _ in 0..<Int.random(in: 2...6, using: &dice) {
            entries.append(
                (
                    Bool.random(using: &dice) ? accounts.randomElement(using: &dice) : nil,
                    Bool.random(using: &dice) ? patterns.randomElement(using: &dice) : nil,
                    choices.randomElement(using: &dice)!
                )
            )
        }
        let text =
            "acl:\n"
            + entries.map { entry in
                let account = entry.account.map { "account: \"\($0)\"" }
                let name = entry.name.map { "name: \"\($0)\"" }
                let match = [account, name].compactMap(\.self).joined(separator: ", ")
                let actions = entry.actions.map { "\"\($0)\"" }.joined(separator: ", ")
                return "  - { match: { \(match) }, actions: [\(actions)] }\n"
            }
            .joined()
        let loaded = try Loaded(text, .dockerAuth)
        var lost = 0
        for user in Self.users {
            for name in Self.names {
                let ours = loaded.rights(user, name)
                let theirs = Self.decide(entries, user ?? "", name)
                let surplus = Set(ours).subtracting(theirs)
                #expect(
                    surplus.isEmpty, "\(user ?? "-") \(name) \(ours)\n\(text)\(loaded.rules.text)")
                if !Set(theirs).subtracting(ours).isEmpty { lost += 1 }
            }
        }
        if lost > 0 { #expect(!loaded.rules.notes.isEmpty, "\(text)\(loaded.rules.text)") }
    }

    /// The first entry that matches decides.
    private static func decide(
        _ entries: [(account: String?, name: String?, actions: [String])],
        _ user: String,
        _ name: String
    ) -> String {
        for entry in entries {
            if let account = entry.account, !matches(account, user, user: user) { continue }
            if let pattern = entry.name, !matches(pattern, name, user: user) { continue }
            if entry.actions == ["*"] { return "pcod" }
            return (entry.actions.contains("pull") ? "p" : "")
                + (entry.actions.contains("push") ? "co" : "")
                + (entry.actions.contains("delete") ? "d" : "")
        }
        return ""
    }

    private static func matches(_ pattern: String, _ text: String, user: String) -> Bool {
        switch pattern {
        case "/.+/": return !text.isEmpty
        case "/.*/": return true
        case "/^(ann|carl)$/": return text == "ann" || text == "carl"
        case "/^a//": return text.hasPrefix("a/")
        case "/^lib$/": return text == "lib"
        default:
            let pattern = pattern.replacing("${account}", with: user)
            guard pattern.hasSuffix("*") else { return pattern == text }
            let front = pattern.dropLast()
            return text.hasPrefix(front) && !text.dropFirst(front.count).contains("/")
        }
    }

    @Test("of zot's tables, never more is given, and most often the same", arguments: 0..<60)
    func zot(seed: UInt64) throws {
        var dice = Dice(state: seed &+ 1000)
        let patterns = ["**", "a/**", "a/*", "a/b", "ann/**", "*", "b/**", "a/b/c", "lib"]
        let actions = ["read", "create", "update", "delete"]
        func some() -> [String] {
            guard Bool.random(using: &dice) else { return [] }
            // Without read nobody pushes; what create gives beyond it is another test.
            return ["read"] + actions.dropFirst().filter { _ in Bool.random(using: &dice) }
        }
        var table:
            [(pattern: String, users: [String: [String]], standard: [String], anon: [String])]
        table = patterns.filter { _ in Bool.random(using: &dice) }
            .map { pattern in
                var users: [String: [String]] = [:]
                for user in ["ann", "bob"] where Bool.random(using: &dice) { users[user] = some() }
                return (pattern, users, some(), some())
            }
        let root = some()
        func list(_ words: [String]) -> String { "[\(words.joined(separator: ", "))]" }
        let text =
            "http:\n  accessControl:\n    adminPolicy: { users: [root], actions: \(list(root)) }\n"
            + "    repositories:\n      zz: {}\n"
            + table.map { entry in
                let policies = entry.users.sorted { $0.key < $1.key }
                    .map { "{ users: [\($0.key)], actions: \(list($0.value)) }" }
                return "      \"\(entry.pattern)\": { policies: \(list(policies)), "
                    + "defaultPolicy: \(list(entry.standard)), "
                    + "anonymousPolicy: \(list(entry.anon)) }\n"
            }
            .joined()
        let loaded = try Loaded(text, .zot)
        for user in Self.users {
            for name in Self.names {
                let entry = table.filter { Self.glob($0.pattern, name) }
                    .max { $0.pattern.count < $1.pattern.count }
                var given: [String] = []
                if let entry {
                    given =
                        user.map { entry.users[$0] ?? entry.standard } ?? entry.anon
                }
                if user == "root" { given += root }
                let theirs = Self.rights(given)
                let ours = loaded.rights(user, name)
                let surplus = Set(ours).subtracting(theirs)
                #expect(
                    surplus.isEmpty, "\(user ?? "-") \(name) \(ours)\n\(text)\(loaded.rules.text)")
            }
        }
    }

    private static func rights(_ words: [String]) -> String {
        zip(["read", "create", "update", "delete"], letters)
            .filter { words.contains($0.0) }.map(\.1).joined()
    }

    private static func glob(_ pattern: String, _ name: String) -> Bool {
        switch pattern {
        case "**": return true
        case "*": return !name.contains("/")
        case "a/*": return name.hasPrefix("a/") && name.split(separator: "/").count == 2
        case _ where pattern.hasSuffix("/**"):
            let front = pattern.dropLast(3)
            return name == front || name.hasPrefix(front + "/")
        default: return pattern == name
        }
    }
}
