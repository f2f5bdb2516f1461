import AccessControl
import Bytes

/// Writes rules as the `access` section of a configuration.
struct RuleText {
    private(set) var text = ""

    init(
        header: [String],
        notes: [ImportNote],
        groups: [ByteString: [ByteString]],
        rules: [RuleDraft],
        catalog: Region.Grant?
    ) {
        for line in header { comment(line) }
        if !notes.isEmpty {
            comment("")
            comment("Not carried over, or not exactly:")
            for note in notes { comment("* line \(note.line): \(note.text)") }
        }
        add("access:")
        if !groups.isEmpty {
            add("  groups:")
            for (name, members) in groups.sorted(by: { $0.key < $1.key }) {
                add("    \(quoted(name)): { users: \(list(members.map(quoted))) }")
            }
        }
        add("  rules:\(rules.isEmpty ? " []" : "")")
        for rule in rules { write(rule) }
        guard let catalog else { return }
        let except = catalog.except.isEmpty ? "" : "except: \(subjects(catalog.except)), "
        add("  server:")
        add("    - { who: \(subjects(catalog.who)), \(except)allow: [catalog] }")
    }

    private mutating func write(_ rule: RuleDraft) {
        for line in rule.comments { comment(line, indent: "    ") }
        add("    - id: \(quoted(ByteString(rule.id)))")
        add("      who: \(subjects(rule.who))")
        if !rule.except.isEmpty { add("      except: \(subjects(rule.except))") }
        add("      repos: \(list(rule.names.patterns.map { quoted($0.text) }))")
        let effect = rule.isDeny ? "deny" : "allow"
        add("      \(effect): \(list(rule.actions.words))")
        if let networks = rule.networks {
            add("      when: { from: \(list(networks.map { quoted(ByteString("\($0)")) })) }")
        }
    }

    private mutating func add(_ line: String) { text += line + "\n" }

    /// What stands in a foreign file must not end the comment.
    private mutating func comment(_ line: String, indent: String = "") {
        let harmless = line.unicodeScalars.map { scalar -> String in
            let isHarmless =
                scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
                && scalar.value != 0x2028 && scalar.value != 0x2029 && scalar.value != 0xFEFF
            return isHarmless ? String(scalar) : " "
        }
        add("\(indent)#\(line.isEmpty ? "" : " ")\(harmless.joined())")
    }

    private func subjects(_ subjects: [Subject]) -> String {
        list(
            subjects.map { subject in
                switch subject {
                case .anyone: "anyone"
                case .anonymous: "anonymous"
                case .authenticated: "authenticated"
                case .user(let name): quoted(ByteString("user:".utf8 + name.bytes))
                case .group(let name): quoted(ByteString("group:".utf8 + name.bytes))
                }
            })
    }

    private func list(_ items: [String]) -> String { "[\(items.joined(separator: ", "))]" }

    /// A double-quoted scalar (YAML 1.2.2 section 7.3.1).
    private func quoted(_ text: ByteString) -> String {
        var shown = "\""
        for scalar in "\(text)".unicodeScalars {
            switch scalar {
            case "\"", "\\": shown += "\\\(scalar)"
            case _ where scalar.value < 0x20 || (0x7F...0xA0).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                shown += "\\x" + (digits.count < 2 ? "0" : "") + digits
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown + "\""
    }
}
