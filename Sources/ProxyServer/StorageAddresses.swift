import Bytes
import NetIO

/// The addresses of hosts that the registry has redirected to, so that not each blob costs a
/// lookup. Callable from any thread.
final class StorageAddresses: Sendable {
    private struct Key: Hashable {
        let host: ByteString
        let port: UInt16
    }

    private let known = Locked<[Key: HostAddresses]>([:])

    /// Registries have one host for storage, or one for each bucket.
    private static let limit = 64

    /// - Parameter host: a name, or a literal address without brackets.
    func addresses(of host: ByteString, port: UInt16) -> HostAddresses {
        known.withLock { known in
            let key = Key(host: host, port: port)
            if let addresses = known[key] { return addresses }
            if known.count >= Self.limit { known.removeAll() }
            let new = HostAddresses(host: host.description, port: port)
            known[key] = new
            return new
        }
    }
}
