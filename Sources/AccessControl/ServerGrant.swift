public import Bytes

/// What may be done to the server itself, whatever the repositories (`access.server`).
public struct ServerActions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// See the whole catalog, unfiltered.
    public static let catalog = ServerActions(rawValue: 1)
    /// List and revoke anyone's robot tokens. Opens nothing else.
    public static let admin = ServerActions(rawValue: 2)

    /// For error messages.
    public static let names = "catalog, admin"

    public init?(named name: ByteString) {
        switch name {
        case "catalog": self = .catalog
        case "admin": self = .admin
        default: return nil
        }
    }

    public init(_ several: [ServerActions]) {
        self = several.reduce(into: []) { $0.formUnion($1) }
    }
}

/// One entry of `access.server`.
public struct ServerGrant: Sendable {
    /// `access.server[0]`: such a grant has no name of its own.
    public let id: String
    public let who: [Subject]
    public let except: [Subject]
    public let actions: ServerActions
    public let position: SourcePosition

    public init(
        index: Int,
        who: [Subject],
        except: [Subject] = [],
        actions: ServerActions,
        position: SourcePosition
    ) {
        id = "access.server[\(index)]"
        self.who = who
        self.except = except
        self.actions = actions
        self.position = position
    }
}
