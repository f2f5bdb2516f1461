public import Bytes

/// What a client asks of the token endpoint (distribution specification, "Token Authentication",
/// and "OAuth2"; `protocol.md` 4.7), as it stands in a query or in a form.
///
/// Clients send more keys than are read here (`account`, `client_id`, `offline_token`,
/// `access_type`); what no one needs is not looked at.
public struct TokenQuestion: Sendable {
    /// Whom the token is for; `nil` if it was not said.
    public let service: ByteString?
    /// In the order in which they were asked for.
    public let scopes: [Scope]

    /// The most scopes of one question.
    public static let mostScopes = 100

    /// Reads the query of a GET.
    public init(query: Place?, in head: borrowing Span<UInt8>) throws(RoutingError) {
        let query = Query(place: query)
        service = try query.text(of: .service, in: head)
        var scopes: [Scope] = []
        var pairs = QueryPairs(query.place)
        while let pair = pairs.next(in: head) {
            guard try pair.isNamed(.scope, in: head) else { continue }
            guard let several = Scope.list(try Query.decoded(pair.value, in: head)) else {
                throw .badQuery("a scope is not TYPE:NAME:ACTIONS")
            }
            scopes += several
        }
        guard scopes.count <= Self.mostScopes else { throw .badQuery("more than 100 scopes") }
        self.scopes = scopes
    }
}

/// A question that was posted, with what it says about the asker (RFC 6749 section 4.3).
public struct TokenForm: Sendable {
    public let question: TokenQuestion
    public let grant: Grant

    public enum Grant: Sendable, Equatable {
        /// By the `Authorization` field, or nobody.
        case field
        case password(user: ByteString, password: ByteString)
        /// One that was never given out.
        case refreshToken
        case unknown
    }

    /// - Parameter form: `application/x-www-form-urlencoded`.
    public init(parsing form: borrowing Span<UInt8>) throws(RoutingError) {
        let form = copy form
        let place = Place(0, form.count)
        question = try TokenQuestion(query: place, in: form)
        let query = Query(place: place)
        let user = try query.text(of: .username, in: form)
        let password = try query.text(of: .password, in: form)
        switch try query.text(of: .grantType, in: form) {
        case nil where user == nil: grant = .field
        case nil, "password"?: grant = .password(user: user ?? "", password: password ?? "")
        case "refresh_token"?: grant = .refreshToken
        default: grant = .unknown
        }
    }
}
