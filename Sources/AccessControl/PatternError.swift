/// Why a text is no pattern: one case for each rule of the grammar, `at` counting bytes from 1.
public enum PatternError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case tooLong
    case strangeByteInTag(UInt8, at: Int)
    case doubleStarInTag(at: Int)
    case variableInTag(at: Int)
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
        case .strangeByteInTag(let byte, let at):
            "\(shown(byte)) at \(at) stands in no tag and is no wildcard (letters, digits, '.', "
                + "'_', '-'; '*', '?', {a,b}; or @referrers)"
        case .doubleStarInTag(let at):
            "\"**\" at \(at): a tag has no parts ('*' is any number of characters)"
        case .variableInTag(let at):
            "{user} and {group} at \(at) stand for a part of a repository name (not of a tag)"
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
}

/// A byte for a message.
func shown(_ byte: UInt8) -> String {
    if (0x21...0x7E).contains(byte) { return "'\(Character(Unicode.Scalar(byte)))'" }
    return byte == 0x20 ? "a blank" : "byte \(byte)"
}
