import Bytes
import HTTPWire
import RegistryAPI

/// What is asked of the token endpoints, which are the proxy's own: `/auth/token` and
/// `/auth/tokens`. A closed table like that of the registry's routes.
enum TokenRoute {
    case issue(TokenQuestion)
    case issueByForm
    case listRobots
    case mintRobot
    case revokeRobot(ByteString)
    case options(allow: StaticString)

    /// - Returns: `nil` if the path is none of these routes.
    static func find(
        _ method: Method,
        _ head: borrowing Span<UInt8>,
        path: Place,
        query: Place?
    ) throws(RoutingError) -> TokenRoute? {
        let bytes = head.extracting(path)
        guard bytes.starts(with: "/auth/token") else { return nil }
        let rest = bytes.extracting(11..<bytes.count)
        if rest.isEmpty {
            switch method {
            case .get: return .issue(try TokenQuestion(query: query, in: head))
            case .post: return .issueByForm
            default: return try other(method, allow: "GET, POST, OPTIONS")
            }
        }
        if rest.elementsEqual("s") {
            switch method {
            case .get: return .listRobots
            case .post: return .mintRobot
            default: return try other(method, allow: "GET, POST, OPTIONS")
            }
        }
        guard rest.starts(with: "s/"), (1...64).contains(rest.count - 2) else { return nil }
        let id = rest.extracting(2..<rest.count)
        for index in 0..<id.count where !id[index].isASCIIDigit && !id[index].isASCIILetter {
            return nil
        }
        if case .delete = method { return .revokeRobot(ByteString(copying: id)) }
        return try other(method, allow: "DELETE, OPTIONS")
    }

    private static func other(
        _ method: Method,
        allow: StaticString
    ) throws(RoutingError) -> TokenRoute {
        guard case .options = method else { throw .methodNotAllowed(allow: allow) }
        return .options(allow: allow)
    }
}
