public import Bytes

/// Where the proxy listens: an address and a port, or a Unix socket.
public enum Endpoint: Sendable, Hashable {
    /// Port 0: the kernel chooses.
    case ip(IPAddress, port: UInt16)
    /// An absolute path of at most 107 bytes (unix(7), sun_path with its NUL).
    case unix(path: String)

    /// Reads `127.0.0.1:443`, `[::1]:443`, `localhost:443` (which is 127.0.0.1) or `unix:/path`.
    ///
    /// Names are not looked up: what a listener is bound to must be readable in the file.
    /// - Returns: `nil` for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.starts(with: Array("unix:".utf8)) {
            let path = bytes.dropFirst(5)
            guard path.first == UInt8(ascii: "/"), (2...107).contains(path.count) else {
                return nil
            }
            self = .unix(path: String(decoding: path, as: UTF8.self))
            return
        }
        guard let (host, digits) = splitHostAndPort(bytes), let port = portNumber(digits) else {
            return nil
        }
        if host == Array("localhost".utf8) {
            self = .ip(.loopback, port: port)
        } else if let address = IPAddress(host: host.span) {
            self = .ip(address, port: port)
        } else {
            return nil
        }
    }

    /// Whether only this machine can reach it.
    public var isLocal: Bool {
        switch self {
        case .ip(let address, _): address.isLoopback
        case .unix: true
        }
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String {
        switch self {
        case .ip(let address, let port): "\(address.hostText):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Cuts `HOST:PORT` at the last colon; an IPv6 host keeps its brackets, and must have them.
func splitHostAndPort(_ bytes: [UInt8]) -> (host: [UInt8], port: [UInt8])? {
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let host = Array(bytes[..<colon])
    let isBracketed = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
    guard isBracketed || !host.contains(UInt8(ascii: ":")) else { return nil }
    return (host, Array(bytes[(colon + 1)...]))
}

/// - Returns: `nil` unless `digits` are 1 to 5 digits of a number up to 65535.
func portNumber(_ digits: [UInt8]) -> UInt16? {
    guard (1...5).contains(digits.count), let value = digits.span.decimalValue else { return nil }
    return UInt16(exactly: value)
}
