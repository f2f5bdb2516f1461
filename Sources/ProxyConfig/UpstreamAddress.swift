import Bytes

/// Where the registry is: `http://…`, `https://…` or a Unix socket.
public enum UpstreamAddress: Sendable, Hashable {
    case web(WebAddress)
    /// An absolute path of at most 107 bytes.
    case unix(path: String)

    /// Stands where a required key has not been read yet; no finished configuration holds it.
    static let none = UpstreamAddress.web(.none)

    public var isHTTPS: Bool {
        if case .web(let address) = self { address.scheme == .https } else { false }
    }

    /// Whether others than this machine may be on the way to it, as far as the text tells.
    public var isLocal: Bool {
        switch self {
        case .unix: true
        case .web(let address): address.isLocal
        }
    }

    /// Whether a connection to here would arrive at a socket bound to `endpoint`.
    func reaches(_ endpoint: Endpoint) -> Bool {
        switch self {
        case .web(let address): address.reaches(endpoint)
        case .unix(let path): endpoint == .unix(path: path)
        }
    }
}

extension UpstreamAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .web(let address): address.description
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension ValueKind<UpstreamAddress> {
    static let upstream: ValueKind = {
        let forms = "http://HOST[:PORT], https://HOST[:PORT] or unix:/PATH"
        return .scalar(type: "URL", range: forms, allowed: forms) { text, _ in
            if text.hasPrefix("unix:") {
                guard case .unix(let path)? = Endpoint(text) else {
                    return .wrong("\(quoted(text)) is not an absolute path of at most 107 bytes")
                }
                return .value(.unix(path: path))
            }
            do throws(WebAddress.Problem) {
                return .value(.web(try WebAddress(text, schemes: [.https, .http])))
            } catch {
                return .wrong(error.description)
            }
        }
    }()
}
