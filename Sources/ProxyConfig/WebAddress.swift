public import Bytes

/// `SCHEME://HOST[:PORT]`, all that the proxy wants to know of a URL.
///
/// A user name, a path, a query or a fragment is refused: a password does not belong into the file,
/// and a path would have to be spliced into every Location that passes.
public struct WebAddress: Sendable, Hashable {
    public enum Host: Sendable, Hashable {
        case ip(IPAddress)
        /// Lower case; 1 to 253 bytes of letters, digits, `.`, `-`, `_`.
        case name(String)
    }

    public enum Scheme: String, Sendable, CaseIterable {
        case http, https, ldap, ldaps

        /// Where no port is written.
        public var defaultPort: UInt16 {
            switch self {
            case .http: 80
            case .https: 443
            case .ldap: 389
            case .ldaps: 636
            }
        }
    }

    public let scheme: Scheme
    public let host: Host
    /// 1 to 65535.
    public let port: UInt16

    /// Why text is no such address. `description` never repeats the text, which may hold a
    /// password.
    enum Problem: Error, CaseIterable {
        case scheme, userinfo, path, host, port

        var description: String {
            switch self {
            case .scheme: "has another scheme"
            case .userinfo: "contains a user name or password"
            case .path: "has a path, query or fragment"
            case .host: "has no valid host"
            case .port: "has no valid port"
            }
        }
    }

    /// Stands where a required key has not been read yet; no finished configuration holds it.
    static let none = WebAddress(scheme: .http, host: .name(""), port: 0)

    private init(scheme: Scheme, host: Host, port: UInt16) {
        (self.scheme, self.host, self.port) = (scheme, host, port)
    }

    /// A single `/` behind the authority is the same as none (RFC 3986 section 6.2.3).
    init(_ text: String, schemes: [Scheme]) throws(Problem) {
        var rest = Array(text.utf8)[...]
        guard let scheme = schemes.first(where: { rest.starts(with: "\($0)://".utf8) }) else {
            throw .scheme
        }
        rest = rest.dropFirst(scheme.rawValue.utf8.count + 3)
        if rest.last == UInt8(ascii: "/") { rest = rest.dropLast() }
        if rest.contains(UInt8(ascii: "@")) { throw .userinfo }
        if rest.contains(where: { "/?#".utf8.contains($0) }) { throw .path }
        self.scheme = scheme
        let endsInPort = rest.last != UInt8(ascii: "]") && rest.contains(UInt8(ascii: ":"))
        if endsInPort {
            guard let (host, digits) = splitHostAndPort(Array(rest)) else { throw .host }
            guard let port = portNumber(digits), port > 0 else { throw .port }
            self.host = try Self.host(host)
            self.port = port
        } else {
            host = try Self.host(Array(rest))
            port = scheme.defaultPort
        }
    }

    private static func host(_ bytes: [UInt8]) throws(Problem) -> Host {
        if let address = IPAddress(host: bytes.span) { return .ip(address) }
        let isSpelledRight = bytes.allSatisfy {
            $0.isASCIILetter || $0.isASCIIDigit || ".-_".utf8.contains($0)
        }
        // A last label of digits is an IPv4 address to some resolvers (`127.1`, `2130706433`).
        let lastLabel = bytes.split(separator: UInt8(ascii: ".")).last ?? []
        let isNumeric = lastLabel.allSatisfy(\.isASCIIDigit) || lastLabel.starts(with: "0x".utf8)
        let isDotted = bytes.first == UInt8(ascii: ".") || bytes.last == UInt8(ascii: ".")
        guard (1...253).contains(bytes.count), isSpelledRight, !isNumeric, !isDotted else {
            throw .host
        }
        return .name(String(decoding: bytes.map(\.asciiLowercased), as: UTF8.self))
    }

    /// `host` as in a URL; IPv6 in brackets.
    public var hostText: String {
        switch host {
        case .ip(let address): address.hostText
        case .name(let name): name
        }
    }

    /// `HOST[:PORT]` as clients send it in `Host`: without the scheme's own port.
    public var authority: String {
        port == scheme.defaultPort ? hostText : "\(hostText):\(port)"
    }

    /// Whether only this machine is on the way to it: a loopback address or `localhost`.
    public var isLocal: Bool {
        switch host {
        case .ip(let address): address.isLoopback
        case .name(let name): name == "localhost"
        }
    }

    /// Whether a connection to here would arrive at a socket bound to `endpoint`.
    func reaches(_ endpoint: Endpoint) -> Bool {
        guard case .ip(let bound, port) = endpoint else { return false }
        let targets: [IPAddress] =
            switch host {
            case .ip(let address): [address.isWildcard ? .loopback : address]
            case .name("localhost"): [.loopback]
            case .name: []
            }
        return targets.contains { $0 == bound || (bound.isWildcard && $0.isLoopback) }
    }
}

extension WebAddress: CustomStringConvertible {
    public var description: String { "\(scheme)://\(authority)" }
}
