public import Bytes

/// Why a line is no rule test.
public enum RuleTestError: Error, Sendable, Equatable, CustomStringConvertible {
    case noMay
    case noSubject
    case notAUser(ByteString)
    case emptyGroup
    case anonymousInGroup
    case noAction
    case unknownAction(ByteString)
    case noRepository
    case badRepository(ByteString)
    case badTag(ByteString)
    case badAddress(ByteString)
    case badMoment(ByteString)
    case superfluous(ByteString)

    /// What is wrong, and what is allowed.
    public var description: String {
        switch self {
        case .noMay: "has no \"may\" (\(Self.form))"
        case .noSubject: "names nobody before \"may\" (a user or anonymous)"
        case .notAUser(let name):
            "\(quoted(name)) is no user (a user's name alone, or anonymous)"
        case .emptyGroup: "an empty group's name behind \"in\" (in G1, G2)"
        case .anonymousInGroup: "anonymous is in no group (a user, or anonymous without \"in\")"
        case .noAction: "names no action (\(Actions.names), \(ServerActions.names))"
        case .unknownAction(let word):
            "\(quoted(word)) is not an action (\(Actions.names), \(ServerActions.names))"
        case .noRepository: "names no repository (REPO or REPO:TAG)"
        case .badRepository(let text): "\(quoted(text)) is no repository name (team/app)"
        case .badTag(let text): "\(quoted(text)) is no tag (v1.0)"
        case .badAddress(let text):
            "\(quoted(text)) behind \"from\" is no address (IPv4 or IPv6)"
        case .badMoment(let text):
            "\(quoted(text)) behind \"at\" is no date and no time"
                + " (2027-06-30 or 2027-06-30T12:00:00Z)"
        case .superfluous(let word): "\(quoted(word)) is one word too many (\(Self.form))"
        }
    }

    private static let form =
        "SUBJECT [in GROUP, GROUP] may [not] ACTION REPO[:TAG] [from IP] [at DATETIME],"
        + " or SUBJECT may [not] catalog|admin"
}
