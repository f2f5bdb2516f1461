/// Addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`.
public struct IPNetwork: Sendable, Hashable {
    /// The first address; the bits behind the prefix are zero.
    public let address: IPAddress
    /// 0 to 32 of IPv4, 0 to 128 of IPv6.
    public let prefixLength: Int

    /// Why text is no network.
    public enum Problem: Error, Sendable, Equatable {
        /// Neither an address nor an address, `/` and a number that fits it.
        case malformed
        /// There are bits behind the prefix. Which network was meant is not certain; perhaps this.
        case bitsBehindPrefix(IPNetwork)
    }

    /// The network of `prefixLength` bits that `address` is in.
    /// - Precondition: the prefix is not longer than the address.
    public init(_ address: IPAddress, prefixLength: Int) {
        let longest = address.isIPv6 ? 128 : 32
        precondition((0...longest).contains(prefixLength), "a prefix of \(prefixLength) bits")
        let bits = address.isIPv6 ? prefixLength : prefixLength + 96
        self.address = IPAddress(
            high: address.high & Self.mask(bits),
            low: address.low & Self.mask(bits - 64)
        )
        self.prefixLength = prefixLength
    }

    /// Reads `ADDRESS` or `ADDRESS/BITS`.
    public init(parsing text: borrowing Span<UInt8>) throws(Problem) {
        let slash = text.firstIndex(of: UInt8(ascii: "/"))
        guard let address = IPAddress(parsing: text.extracting(0..<(slash ?? text.count))) else {
            throw .malformed
        }
        let longest = address.isIPv6 ? 128 : 32
        guard let slash else {
            self.init(address, prefixLength: longest)
            return
        }
        let digits = text.extracting((slash + 1)..<text.count)
        guard digits.count <= 3, let bits = digits.decimalValue, bits <= longest,
            digits.count == 1 || digits[0] != UInt8(ascii: "0")
        else { throw .malformed }
        self.init(address, prefixLength: bits)
        if self.address != address { throw .bitsBehindPrefix(self) }
    }

    /// No IPv6 network contains an IPv4 address, and the other way round.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv6 == address.isIPv6 else { return false }
        return Self(other, prefixLength: prefixLength).address == address
    }

    /// The one with all bits behind the prefix set.
    public var lastAddress: IPAddress {
        let bits = address.isIPv6 ? prefixLength : prefixLength + 96
        return IPAddress(
            high: address.high | ~Self.mask(bits),
            low: address.low | ~Self.mask(bits - 64)
        )
    }

    /// The first `count` bits of 64; none for less than 0, all for more than 64.
    private static func mask(_ count: Int) -> UInt64 {
        count <= 0 ? 0 : count >= 64 ? .max : ~(UInt64.max >> count)
    }
}

extension IPAddress {
    /// What counts as one source where sources are limited: the address itself, of IPv6 the network
    /// of 64 bits that one customer usually has.
    public var source: IPNetwork { IPNetwork(self, prefixLength: isIPv6 ? 64 : 32) }
}

extension IPNetwork: CustomStringConvertible {
    /// A single address without its prefix length.
    public var description: String {
        prefixLength == (address.isIPv6 ? 128 : 32) ? "\(address)" : "\(address)/\(prefixLength)"
    }
}
