/// Why a text is no repository pattern: one case for each rule of the grammar, `at` counting bytes
/// from 1.
public enum PatternError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case tooLong
    case capitalLetter(UInt8, at: Int)
    case percent(at: Int)
    case strangeByte(UInt8, at: Int)
    case leadingSlash
    case trailingSlash
    case emptyPart(at: Int)
    case dotDot(at: Int)
    case doubleStarInsidePart(at: Int)
    case doubleStarEndsAlternative(at: Int)
    case variableInsidePart(at: Int)
    case openBrace(at: Int)
    case closingBrace(at: Int)
    case emptyAlternative(at: Int)
    case loneAlternative(at: Int)
    case slashAtEdgeOfAlternative(at: Int)

    /// What is wrong, and what is allowed.
    public var description: String {
        switch self {
        case .empty: "the pattern is empty (\"**\" matches every repository)"
        case .tooLong: "the pattern is too long (at most \(RepositoryPattern.longest) bytes)"
        case .capitalLetter(let byte, let at):
            "capital letter '\(Character(Unicode.Scalar(byte)))' at \(at); no repository name has "
                + "one (a-z, 0-9, '.', '_', '-', '/')"
        case .percent(let at):
            "'%' at \(at); names are never percent-encoded (a-z, 0-9, '.', '_', '-', '/')"
        case .strangeByte(let byte, let at):
            "\(Self.shown(byte)) at \(at) stands in no repository name and is no wildcard "
                + "(a-z, 0-9, '.', '_', '-', '/'; '*', '**', '?', {a,b}, {user}, {group})"
        case .leadingSlash: "leading '/' (repository names begin with their first part: team/app)"
        case .trailingSlash: "trailing '/' (for everything below write \"/**\")"
        case .emptyPart(let at): "\"//\" at \(at) (no repository name has an empty part)"
        case .dotDot(let at): "\"..\" at \(at) (no repository name has two dots in a row)"
        case .doubleStarInsidePart(let at):
            "\"**\" at \(at) is not a whole part (a/**, **/b, a/**/b; inside a part write '*')"
        case .doubleStarEndsAlternative(let at):
            "\"**\" at \(at) ends an alternative with more behind its brace (write two patterns)"
        case .variableInsidePart(let at):
            "{user} and {group} are whole parts; the one at \(at) is not (users/{user}/**)"
        case .openBrace(let at): "the '{' at \(at) is never closed ({a,b})"
        case .closingBrace(let at): "the '}' at \(at) closes nothing ({a,b})"
        case .emptyAlternative(let at): "empty alternative at \(at) (write two patterns)"
        case .loneAlternative(let at):
            "the braces at \(at) hold one alternative only ({a,b}, {user}, {group})"
        case .slashAtEdgeOfAlternative(let at):
            "the alternative begins or ends with the '/' at \(at) (put it outside the braces)"
        }
    }

    private static func shown(_ byte: UInt8) -> String {
        if (0x21...0x7E).contains(byte) { return "'\(Character(Unicode.Scalar(byte)))'" }
        return byte == 0x20 ? "a blank" : "byte \(byte)"
    }
}
