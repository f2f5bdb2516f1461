public import Bytes
import CLinux
import Glibc

/// Where a socket listens or connects to.
public struct SocketAddress: Sendable, Hashable {
    /// The bytes of a `sockaddr_in`, `sockaddr_in6` or `sockaddr_un`.
    private let storage: [UInt8]

    public enum Family: Sendable { case ipv4, ipv6, unix }

    /// A socket in the file system. `nil` if the path is empty or longer than 107 bytes.
    public init?(unixPath path: String) {
        let bytes = Array(path.utf8)
        guard (1...107).contains(bytes.count), !bytes.contains(0) else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: `sun_path` has 108 bytes, all zero, and `bytes` at most 107.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        storage = Self.bytes(of: &address)
    }

    /// A unix socket that has a name of its own instead of a file (unix(7), "abstract"). `nil` if the
    /// name is empty or longer than 107 bytes.
    init?(abstractName name: String) {
        let bytes = Array(name.utf8)
        guard (1...107).contains(bytes.count) else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // Without an end, since every byte counts.
        storage = Array(Self.bytes(of: &address).prefix(2)) + [0] + bytes
    }

    public init(_ ip: IPAddress, port: UInt16) {
        if ip.isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            // SAFETY: an IPv6 address has 16 bytes, as many as `sin6_addr`.
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) {
                unsafe $0.copyBytes(from: ip.bytes)
            }
            storage = Self.bytes(of: &address)
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            // SAFETY: an IPv4 address has 4 bytes, as many as `sin_addr`.
            unsafe withUnsafeMutableBytes(of: &address.sin_addr) {
                unsafe $0.copyBytes(from: ip.bytes)
            }
            storage = Self.bytes(of: &address)
        }
    }

    /// - Parameter host: a literal IPv4 or IPv6 address, without brackets.
    public init?(literal host: String, port: UInt16) {
        guard let ip = IPAddress(parsing: Array(host.utf8).span) else { return nil }
        self.init(ip, port: port)
    }

    /// From what the kernel filled in; `nil` for another family than the three.
    init?(_ address: sockaddr_storage, size: socklen_t) {
        var address = address
        let known = [AF_INET, AF_INET6, AF_UNIX].contains(Int32(address.ss_family))
        guard known || size == 0 else { return nil }
        storage = Array(Self.bytes(of: &address).prefix(max(Int(size), 2)))
    }

    public var family: Family {
        switch Int32(storage[0]) | Int32(storage[1]) << 8 {
        case AF_INET: .ipv4
        case AF_INET6: .ipv6
        default: .unix
        }
    }

    /// The port; 0 for a unix socket.
    public var port: UInt16 {
        family == .unix ? 0 : UInt16(storage[2]) << 8 | UInt16(storage[3])
    }

    /// The address without its port; `nil` for a unix socket.
    public var ip: IPAddress? {
        switch family {
        case .ipv4: IPAddress(bytes: storage.span.extracting(4..<8))
        case .ipv6: IPAddress(bytes: storage.span.extracting(8..<24))
        case .unix: nil
        }
    }

    /// The address without its port, IPv6 without brackets, an IPv4 address that arrived over IPv6
    /// as IPv4; `unix` for a unix socket.
    public var host: String { ip?.description ?? "unix" }

    /// The network that counts as one source: the address itself, of IPv6 the first 64 bits.
    public var network: String { ip?.source.description ?? "unix" }

    /// The path of a unix socket; empty when it has none.
    public var unixPath: String {
        family == .unix
            ? String(decoding: storage.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self) : ""
    }

    /// `host:port`, `[host]:port` or `unix:/path`.
    public var authority: String {
        ip.map { "\($0.hostText):\(port)" } ?? "unix:\(unixPath)"
    }

    private static func bytes<Address>(of address: inout Address) -> [UInt8] {
        // SAFETY: the C structs are plain bytes, copied inside the closure.
        unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }
    }

    /// For bind(2) and connect(2).
    @unsafe func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result)
        -> Result
    {
        unsafe storage.withUnsafeBytes { bytes in
            // SAFETY: array storage is aligned to 16 bytes, more than any sockaddr needs.
            let address = unsafe bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            return unsafe body(address, socklen_t(bytes.count))
        }
    }
}
