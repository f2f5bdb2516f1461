import AccessControl
import Bytes

/// A rule of ours, about to be written.
struct RuleDraft {
    let id: String
    let who: [Subject]
    let except: [Subject]
    let names: NameSet
    let networks: [IPNetwork]?
    let isDeny: Bool
    let actions: Actions
    /// Where it comes from, for people.
    let comments: [String]
}

/// Something that could not be carried over, or not exactly.
struct ImportNote: Hashable {
    let line: Int
    let text: String
    /// Ids of the rules that it is about. Not each of them need have come to be.
    var rules: [String] = []

    /// With the ids of those of its rules in the text that are among `written`.
    func naming(_ written: Set<String>) -> ImportNote {
        let named = rules.filter { written.contains($0) }
        guard !named.isEmpty else { return self }
        let word = named.count == 1 ? "rule" : "rules"
        return ImportNote(line: line, text: "\(text) (\(word) \(named.joined(separator: ", ")))")
    }
}

extension Actions {
    /// Each action by itself, in the order in which they are written.
    static let single: [Actions] = [.pull, .create, .overwrite, .delete]
}
