public import Bytes

/// One entry of a rule's `who` or `except`.
public enum Subject: Sendable, Hashable {
    /// With a login or without.
    case anyone
    /// Without a login.
    case anonymous
    /// With a login, whoever it is.
    case authenticated
    /// The user of exactly this name, byte for byte.
    case user(ByteString)
    /// The members of the group of this name, or of every group whose name matches where it holds
    /// `*` (any number of bytes).
    case group(ByteString)

    /// - Parameter text: as written in the configuration: `anyone`, `user:ann`, `group:team-*`.
    public init(parsing text: ByteString) throws(SubjectError) {
        switch text {
        case "anyone": self = .anyone
        case "anonymous": self = .anonymous
        case "authenticated": self = .authenticated
        default:
            guard let colon = text.span.firstIndex(of: UInt8(ascii: ":")) else {
                if text.isEmpty || text.hasWildcard { throw .unknownForm }
                throw .bareName(text)
            }
            let kind = ByteString(Array(text.bytes[..<colon]))
            let name = ByteString(Array(text.bytes[(colon + 1)...]))
            switch kind {
            case "user": self = .user(try Self.checkedUser(name))
            case "group":
                guard !name.isEmpty else { throw .emptyName }
                self = .group(name)
            default: throw .unknownForm
            }
        }
    }

    private static func checkedUser(_ name: ByteString) throws(SubjectError) -> ByteString {
        switch name {
        case "": throw .emptyName
        case "anyone", "anonymous", "authenticated": throw .reservedUser
        default:
            guard name.span.firstIndex(of: UInt8(ascii: "*")) == nil else {
                throw .wildcardInUser
            }
            return name
        }
    }
}

/// Why a text is no subject.
public enum SubjectError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknownForm
    /// A word that says neither that it is a user nor that it is a group.
    case bareName(ByteString)
    case emptyName
    case reservedUser
    case wildcardInUser

    /// What is wrong, and what is allowed.
    public var description: String {
        switch self {
        case .unknownForm:
            "not a subject (anyone, anonymous, authenticated, user:NAME, group:NAME)"
        case .bareName(let name):
            "not a subject (user:\(printable(name.description))"
                + " or group:\(printable(name.description)); or anyone, anonymous, authenticated)"
        case .emptyName: "the name is missing (user:NAME, group:NAME)"
        case .reservedUser:
            "anyone, anonymous and authenticated cannot be users (write the word without user:)"
        case .wildcardInUser: "'*' cannot stand in a user's name (only in that of a group)"
        }
    }
}
