public import Bytes

/// One rule as the operator wrote it (`access.md`, "Rule keys").
public struct AccessRule: Sendable {
    public let id: String
    /// The id as logs take it.
    public let logID: ByteString
    public let who: [Subject]
    /// Taken out of `who` again.
    public let except: [Subject]
    public let repositories: [RepositoryPattern]
    /// Which tags `create`, `overwrite` and `delete` are about; `nil`: all, and what has none.
    public let tags: [TagPattern]?
    public let effect: Effect
    public let condition: RuleCondition
    /// One line that the denied client sees.
    public let because: String?
    public let position: SourcePosition

    public enum Effect: Sendable, Hashable {
        case allow(Actions)
        case deny(Actions)
    }

    /// `problems(in:)` says what makes no sense together.
    public init(
        id: String,
        who: [Subject],
        except: [Subject] = [],
        repositories: [RepositoryPattern],
        tags: [TagPattern]? = nil,
        effect: Effect,
        condition: RuleCondition = .always,
        because: String? = nil,
        position: SourcePosition
    ) {
        self.id = id
        logID = ByteString(id)
        self.who = who
        self.except = except
        self.repositories = repositories
        self.tags = tags
        self.effect = effect
        self.condition = condition
        self.because = because
        self.position = position
    }
}

/// Where something stands in a configuration file.
public struct SourcePosition: Sendable, Hashable, CustomStringConvertible {
    public let file: String
    /// From 1.
    public let line: Int
    /// From 1.
    public let column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }
}
