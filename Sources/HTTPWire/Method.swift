internal import Bytes

/// A request method (RFC 9110 section 9). Names are case-sensitive: `get` is not `GET`.
public enum Method: UInt8, Sendable, CaseIterable {
    /// The methods that some registry route knows.
    case get, head, post, put, patch, delete, options
    /// Any other token. Its spelling is at `RequestHead.methodPlace`.
    case other

    /// The method that these bytes spell; `other` if they spell none of the known ones.
    public init(_ bytes: Span<UInt8>) {
        self =
            switch bytes.count {
            case 3: bytes.spelling("GET", .get) ?? bytes.spelling("PUT", .put) ?? .other
            case 4: bytes.spelling("HEAD", .head) ?? bytes.spelling("POST", .post) ?? .other
            case 5: bytes.spelling("PATCH", .patch) ?? .other
            case 6: bytes.spelling("DELETE", .delete) ?? .other
            case 7: bytes.spelling("OPTIONS", .options) ?? .other
            default: .other
            }
    }

    /// As written in a request line. `OTHER` stands for itself only in messages, never on the wire.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .other: "OTHER"
        }
    }

    /// Whether a request with this method may carry a body here: POST, PUT and PATCH.
    ///
    /// RFC 9110 section 9.3 gives a body on the others no meaning, and servers disagree whether
    /// they read it, so it is refused.
    public var mayCarryBody: Bool {
        switch self {
        case .post, .put, .patch: true
        case .get, .head, .delete, .options, .other: false
        }
    }
}

extension Span<UInt8> {
    fileprivate func spelling(_ name: StaticString, _ method: Method) -> Method? {
        elementsEqual(name) ? method : nil
    }
}
