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
}

extension Actions {
    /// Each action by itself, in the order in which they are written.
    static let single: [Actions] = [.pull, .create, .overwrite, .delete]
}
