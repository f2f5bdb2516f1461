/// Why a target is no operation. One case for each broken rule; the proxy answers and nothing goes
/// upstream.
public enum RoutingError: Error, Sendable {
    /// No route has this path.
    case unknownRoute
    /// The route exists, the method is not one of `allow`, which goes into the `Allow` field.
    case methodNotAllowed(allow: StaticString)
    case nameInvalid
    case tagInvalid
    case digestInvalid
    case pageNumberInvalid
    /// A known key is repeated, disguised or has a value that cannot be; the text says which.
    case badQuery(StaticString)

    /// The status of the answer (`product.md` 6).
    public var status: Int {
        switch self {
        case .unknownRoute: 404
        case .methodNotAllowed: 405
        case .nameInvalid, .tagInvalid, .digestInvalid, .pageNumberInvalid, .badQuery: 400
        }
    }

    public var code: RegistryErrorCode {
        switch self {
        case .unknownRoute, .methodNotAllowed: .unsupported
        case .nameInvalid: .nameInvalid
        case .tagInvalid: .tagInvalid
        case .digestInvalid: .digestInvalid
        case .pageNumberInvalid: .paginationNumberInvalid
        case .badQuery: .badRequest
        }
    }

    /// What is wrong and what is allowed, for the client.
    public var message: StaticString {
        switch self {
        case .unknownRoute: "this path is no route of the registry protocol"
        case .methodNotAllowed: "this route does not take this method (see the Allow field)"
        case .nameInvalid:
            """
            invalid repository name (1 to 255 bytes: parts of a-z and 0-9 with single '.', '_', \
            '__' or dashes inside, '/' between parts)
            """
        case .tagInvalid:
            "invalid tag (a letter, digit or '_', then at most 127 letters, digits, '_', '.', '-')"
        case .digestInvalid:
            "invalid or missing digest (an algorithm, ':' and at least 32 hexadecimal digits)"
        case .pageNumberInvalid: "invalid number of results requested (n is 1 to 9 digits)"
        case .badQuery(let reason): reason
        }
    }

    /// The `Allow` field of a 405.
    public var allow: StaticString? {
        guard case .methodNotAllowed(let allow) = self else { return nil }
        return allow
    }
}
