public import Bytes

/// What may be done to a repository (`access.md`, "Actions").
public struct Actions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let pull = Actions(rawValue: 1)
    /// Upload blobs, push a manifest by digest, make a new tag.
    public static let create = Actions(rawValue: 2)
    /// Move an existing tag.
    public static let overwrite = Actions(rawValue: 4)
    public static let delete = Actions(rawValue: 8)
    public static let push: Actions = [.create, .overwrite]
    public static let all: Actions = [.pull, .create, .overwrite, .delete]

    /// The names that a rule may use, for error messages.
    public static let names = "pull, create, overwrite, delete, push, all"

    /// - Returns: `nil` if `name` is none of `names`.
    public init?(named name: ByteString) {
        switch name {
        case "pull": self = .pull
        case "create": self = .create
        case "overwrite": self = .overwrite
        case "delete": self = .delete
        case "push": self = .push
        case "all": self = .all
        default: return nil
        }
    }

    /// With `pull` added where `create` or `overwrite` is in it: clients ask whether something is
    /// there before they push it. For allow rules only.
    var withImpliedPull: Actions {
        isDisjoint(with: .push) ? self : union(.pull)
    }

    /// How a denial calls what was wanted.
    var verb: ByteString {
        switch self {
        case .pull: "pull"
        case .create: "create"
        case .overwrite: "overwrite"
        case .delete: "delete"
        default: "push"
        }
    }

    /// For messages: `push` for both its parts, `all` for all, else each by its name.
    var phrase: String {
        if self == .all { return "all" }
        let isPush = isSuperset(of: .push)
        let words: [(Actions, String)] =
            [(.pull, "pull")] + (isPush ? [(.push, "push")] : [(.create, "create")])
            + (isPush ? [] : [(.overwrite, "overwrite")]) + [(.delete, "delete")]
        return words.compactMap { isSuperset(of: $0.0) ? $0.1 : nil }.joined(separator: ", ")
    }
}
