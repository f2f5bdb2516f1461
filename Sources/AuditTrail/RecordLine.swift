public import Bytes
public import Logbook

/// Where the members of one record stand in its line. Finding them builds no tree and copies
/// nothing; only what is asked for becomes a value.
public struct RecordLine: Sendable {
    /// A member: of the record itself, or of one of its objects.
    public enum Key: Int, Sendable, CaseIterable {
        case time, node, event, outcome
        case user, claimedUser, auth, address, userAgent
        case action, repository, tag, digest, was, size, from
        case reason, status, requestID
        case count, key, every, signature

        /// The object that it is a member of, `""` for the record itself, and its name.
        fileprivate var name: (object: StaticString, member: StaticString) {
            switch self {
            case .time: ("", "ts")
            case .node: ("", "node")
            case .event: ("", "event")
            case .outcome: ("", "outcome")
            case .user: ("who", "user")
            case .claimedUser: ("who", "user_claimed")
            case .auth: ("who", "auth")
            case .address: ("who", "ip")
            case .userAgent: ("who", "ua")
            case .action: ("what", "action")
            case .repository: ("what", "repository")
            case .tag: ("what", "tag")
            case .digest: ("what", "digest")
            case .was: ("what", "was")
            case .size: ("what", "size")
            case .from: ("what", "from")
            case .reason: ("why", "reason")
            case .status: ("http", "status")
            case .requestID: ("http", "id")
            case .count: ("", "count")
            case .key: ("", "key")
            case .every: ("", "every")
            case .signature: ("", "signature")
            }
        }

        /// Those that are members of `object`.
        fileprivate static func members(of object: borrowing Span<UInt8>) -> [Key] {
            if object.isEmpty { return ofRecord }
            if object.elementsEqual("who") { return ofWho }
            if object.elementsEqual("what") { return ofWhat }
            if object.elementsEqual("why") { return ofWhy }
            return object.elementsEqual("http") ? ofHTTP : []
        }

        private static let ofRecord = all(of: "")
        private static let ofWho = all(of: "who")
        private static let ofWhat = all(of: "what")
        private static let ofWhy = all(of: "why")
        private static let ofHTTP = all(of: "http")

        private static func all(of object: String) -> [Key] {
            allCases.filter { $0.name.object.description == object }
        }
    }

    /// Positions of values in the line, strings without their quotes.
    private var places = InlineArray<23, Range<Int>>(repeating: 0..<0)
    private var isThere: UInt32 = 0

    /// - Parameter last: the key after which the rest of the line is of no interest.
    /// - Returns: `nil` if the line is no JSON object of the form that records have.
    public init?(_ line: borrowing Span<UInt8>, upTo last: Key? = nil) {
        var scanner = MemberScanner(copy line)
        guard scanner.open() else { return nil }
        var object = 0..<0
        var keys = Key.members(of: Span())
        while let member = scanner.next() {
            if member.object != object {
                object = member.object
                keys = Key.members(of: line.extracting(object))
            }
            guard let key = Self.key(in: copy line, member, among: keys) else { continue }
            places[key.rawValue] = member.value
            isThere |= 1 << UInt32(key.rawValue)
            if key == last { return }
        }
        guard scanner.isWhole else { return nil }
    }

    /// The value as it stands in the line; empty if there is none.
    public func raw(_ key: Key) -> Range<Int> { places[key.rawValue] }

    public func has(_ key: Key) -> Bool { isThere & 1 << UInt32(key.rawValue) != 0 }

    /// The value with its escapes resolved; `nil` if there is none.
    public func text(_ key: Key, in line: borrowing Span<UInt8>) -> ByteString? {
        guard has(key) else { return nil }
        return line.extracting(places[key.rawValue]).unescaped
    }

    public func number(_ key: Key, in line: borrowing Span<UInt8>) -> Int? {
        has(key) ? line.extracting(places[key.rawValue]).decimalValue : nil
    }

    public func time(in line: borrowing Span<UInt8>) -> WallTime? {
        has(.time) ? WallTime(text: line.extracting(places[Key.time.rawValue])) : nil
    }

    /// Whether the value is this one, as far as neither has escapes.
    public func value(
        _ key: Key,
        in line: borrowing Span<UInt8>,
        is text: StaticString
    ) -> Bool {
        has(key) && line.extracting(places[key.rawValue]).elementsEqual(text)
    }

    private static func key(
        in line: Span<UInt8>,
        _ member: MemberScanner.Member,
        among keys: [Key]
    ) -> Key? {
        let name = line.extracting(member.name)
        for key in keys where name.elementsEqual(key.name.member) { return key }
        return nil
    }
}

extension Span<UInt8> {
    /// The bytes that a JSON string's inside stands for.
    fileprivate var unescaped: ByteString {
        guard firstIndex(of: UInt8(ascii: "\\")) != nil else { return ByteString(copying: self) }
        var text: [UInt8] = []
        var index = 0
        while index < count {
            guard self[index] == UInt8(ascii: "\\"), index + 1 < count else {
                text.append(self[index])
                index += 1
                continue
            }
            if self[index + 1] == UInt8(ascii: "u"), index + 6 <= count {
                var value: UInt32 = 0
                for digit in index + 2..<index + 6 {
                    value = value << 4 | UInt32(self[digit].hexValue ?? 0)
                }
                if let scalar = Unicode.Scalar(value) {
                    text.append(contentsOf: String(scalar).utf8)
                }
                index += 6
            } else {
                text.append(self[index + 1])
                index += 2
            }
        }
        return ByteString(text)
    }
}
