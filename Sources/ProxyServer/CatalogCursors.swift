import AccessControl
import Bytes
import RegistryAPI
import Secrets

/// Where a page of the catalog ends, for whom may not see the name it ends with.
///
/// A cursor is that name, sealed for one user, in hexadecimal digits (the key `_pc` of the query).
/// All names become equally long first. It is good until the program ends, and all that it does is
/// to say where to go on: what is shown there is decided anew.
final class CatalogCursors: Sendable {
    private let key: SealingKey

    /// Names are filled up to multiples of this: shorter ones all look alike.
    private static let block = 256

    init() throws(RandomnessError) { key = try SealingKey() }

    /// - Parameter name: at most `Page.longestLast` bytes.
    func cursor(
        at name: ByteString,
        for identity: Identity
    ) throws(RandomnessError) -> ByteString {
        var text = [UInt8(name.count >> 8), UInt8(name.count & 0xFF)] + name.bytes
        while text.count % Self.block != 0 { text.append(0) }
        let sealed = try key.seal(text, for: Self.context(identity))
        return ByteString(hexadecimal: sealed)
    }

    /// - Returns: `nil` if it was not made here for this user.
    func name(at cursor: ByteString, for identity: Identity) -> ByteString? {
        guard let sealed = cursor.hexadecimalBytes,
            let text = key.open(sealed, for: Self.context(identity))
        else { return nil }
        let length = Int(text[0]) << 8 | Int(text[1])
        return ByteString(Array(text[2..<2 + length]))
    }

    /// Anonymous, or the user of this name.
    private static func context(_ identity: Identity) -> [UInt8] {
        guard let user = identity.user else { return [0] }
        return [1] + user.bytes
    }
}

extension ByteString {
    fileprivate init(hexadecimal bytes: [UInt8]) {
        self.init(bytes.flatMap(\.hexadecimalDigits))
    }

    /// `nil` unless it is pairs of hexadecimal digits.
    fileprivate var hexadecimalBytes: [UInt8]? {
        guard count % 2 == 0 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(count / 2)
        for index in stride(from: 0, to: count, by: 2) {
            guard let high = bytes[index].hexValue, let low = bytes[index + 1].hexValue else {
                return nil
            }
            result.append(high << 4 | low)
        }
        return result
    }
}
