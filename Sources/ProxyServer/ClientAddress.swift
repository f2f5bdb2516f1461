import Bytes
import NetIO

/// Who sent a request, as far as addresses tell: the other end of the connection, or the client
/// that a trusted proxy in front has named. In the forms in which it is needed.
struct ClientAddress {
    /// `nil` on a unix socket.
    let ip: IPAddress?
    /// For the log and the registry.
    let text: ByteString
    /// What counts as one source: the address, of IPv6 the first 64 bits.
    let source: ByteString

    init(_ ip: IPAddress?) {
        self.ip = ip
        text = ByteString(ip?.description ?? "unix")
        source = ByteString(ip?.source.description ?? "unix")
    }
}

extension ServerSettings {
    /// Who is believed on the listener of that number.
    func trustedProxies(of listener: Int) -> [IPNetwork] {
        listeners.indices.contains(listener) ? listeners[listener].trustedProxies : []
    }
}
