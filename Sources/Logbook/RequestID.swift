public import Bytes

/// The name of one request in log, audit trail, upstream and answer (`X-Request-Id`): 26 characters
/// of Crockford's base32, like a ULID. Texts sort as the values do, and values as their moments.
public struct RequestID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 48 bits of milliseconds since 1970, then 80 bits that make it unique.
    let value: UInt128
    /// The 26 characters. Made once: log, audit trail and both sides of a request show them.
    private let text: InlineArray<26, UInt8>

    /// How many bytes the text has.
    public static let byteCount = 26

    init(value: UInt128) {
        self.value = value
        var high = UInt64(truncatingIfNeeded: value >> 64)
        var low = UInt64(truncatingIfNeeded: value)
        let alphabet = Self.alphabet
        var characters = InlineArray<26, UInt8>(repeating: 0)
        for position in (0..<26).reversed() {
            characters[position] = alphabet[Int(low & 31)]
            low = low >> 5 | high << 59
            high >>= 5
        }
        text = characters
    }

    /// Appends the 26 characters.
    ///
    /// - Precondition: as many bytes of room.
    public func append(to buffer: Buffer) { buffer.append(text.span) }

    /// Appends `given`, or the 26 characters where there is none.
    ///
    /// - Precondition: `GivenRequestID.longest` bytes of room.
    public func append(to buffer: Buffer, unless given: GivenRequestID?) {
        if let given { buffer.append(given.bytes) } else { append(to: buffer) }
    }

    public var description: String { ByteString(copying: text.span).description }

    public static func == (left: RequestID, right: RequestID) -> Bool { left.value == right.value }
    public static func < (left: RequestID, right: RequestID) -> Bool { left.value < right.value }
    public func hash(into hasher: inout Hasher) { hasher.combine(value) }

    /// crockford.com/base32.html
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
}

/// The name of a request that was made elsewhere: 1 to 64 letters, digits and `-._~+/=:@`, so that
/// it can stand in a field, a line of JSON and a file's name without quoting.
public struct GivenRequestID: Sendable, Hashable {
    public let bytes: ByteString

    public static let longest = 64

    public init?(validating text: borrowing Span<UInt8>) {
        guard (1...Self.longest).contains(text.count) else { return nil }
        for index in 0..<text.count {
            let byte = text[index]
            let isSign = Self.signs.contains(byte)
            guard byte.isASCIILetter || byte.isASCIIDigit || isSign else { return nil }
        }
        bytes = ByteString(copying: text)
    }

    private static let signs = Array("-._~+/=:@".utf8)
}

/// Makes request ids. One per loop; each id costs some arithmetic and no system call.
///
/// Ids of one generator are unique and ascend, also while the clock stands still or goes back. Ids
/// of different generators (loops, processes) differ because each counts on from a random 79-bit
/// number of its own. They are no secrets: from one id the next can be guessed.
public struct RequestIDGenerator: Sendable {
    private var milliseconds: UInt64 = 0
    private var counter: UInt128

    /// Starts at a random number from the system.
    public init() {
        let high = UInt64.random(in: 0..<(1 << 15))
        self.init(counter: UInt128(high) << 64 | UInt128(UInt64.random(in: .min ... .max)))
    }

    init(counter: UInt128) { self.counter = counter & Self.counterMask }

    /// The next id.
    ///
    /// - Parameter now: the loop's idea of the time; it may be old, and then the id is as old.
    public mutating func next(at now: WallTime) -> RequestID {
        let current = UInt64(max(0, now.nanoseconds)) / 1_000_000
        if current > milliseconds { milliseconds = current }
        counter = (counter &+ 1) & Self.counterMask
        return RequestID(value: UInt128(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | counter)
    }

    private static let counterMask = UInt128(1) << 80 - 1
}
