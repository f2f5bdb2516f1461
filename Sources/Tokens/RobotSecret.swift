import Bytes
public import Secrets

/// A robot token as its bearer has it: `rpx_`, 40 characters of randomness, 6 of checksum.
///
/// The prefix and the checksum let leak scanners find it and be sure, and let the proxy tell it
/// from a password without asking anybody.
public struct RobotSecret: Sendable {
    /// What is to be handed out, once.
    public let text: SecretBytes

    public static let prefix: StaticString = "rpx_"
    public static let byteCount = 4 + randomCount + checksumCount
    private static let randomCount = 40
    private static let checksumCount = 6
    private static let digits = Array(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// A new one: 238 bits that nobody can guess.
    public init() throws(RandomnessError) {
        let room = SecretBuffer(capacity: Self.byteCount)
        for byte in "rpx_".utf8 { room.append(byte) }
        while room.count < 4 + Self.randomCount {
            let random = try SecretBytes.random(count: 64)
            for index in 0..<random.count where room.count < 4 + Self.randomCount {
                // Without the rest beyond the last whole 62, every digit is equally likely.
                let byte = random.bytes[index]
                if byte < 248 { room.append(Self.digits[Int(byte % 62)]) }
            }
        }
        let checksum = Self.checksum(room.bytes.extracting(4..<room.count))
        for digit in checksum { room.append(digit) }
        text = SecretBytes(copying: room.bytes)
    }

    /// Whether a password has the form of a robot token, with the right checksum. If so it is never
    /// shown to a provider.
    public static func isOne(_ password: borrowing Span<UInt8>) -> Bool {
        guard password.count == byteCount, password.starts(with: prefix) else { return false }
        let random = password.extracting(4..<4 + randomCount)
        for index in 0..<random.count
        where !random[index].isASCIIDigit && !random[index].isASCIILetter { return false }
        return password.extracting(4 + randomCount..<byteCount).elementsEqual(checksum(random).span)
    }

    /// What the file holds in its place.
    public static func hash(of text: borrowing Span<UInt8>) -> Code32 { SHA256.digest(of: text) }

    /// CRC-32 (ISO 3309) of the random part, in base 62, the highest digit first.
    private static func checksum(_ random: borrowing Span<UInt8>) -> [UInt8] {
        var remainder: UInt32 = 0xFFFF_FFFF
        for index in 0..<random.count {
            remainder ^= UInt32(random[index])
            for _ in 0..<8 {
                remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1
            }
        }
        var value = ~remainder
        var text = [UInt8](repeating: digits[0], count: checksumCount)
        for index in (0..<checksumCount).reversed() {
            text[index] = digits[Int(value % 62)]
            value /= 62
        }
        return text
    }
}
