public import Bytes
public import Secrets

/// One secret that tokens are signed with, and what is made of it.
public struct TokenKey: Sendable {
    /// What a token calls it: the first 16 hexadecimal digits of a digest of the key, which tell
    /// nothing about it.
    public let id: ByteString
    /// What every token that it signed begins with, up to the first dot and with it. The algorithm
    /// stands in it and nowhere else: a token with another header is none of this key's.
    let header: [UInt8]
    let tokenSecret: SecretBytes
    let ticketSecret: SecretBytes

    /// - Precondition: 32 bytes.
    public init(_ secret: SecretBytes) {
        precondition(secret.count == Self.byteCount)
        let hash = KeyedHash(key: secret)
        id = ByteString(Array(hash.code(of: "key id").hexadecimal.prefix(16)))
        tokenSecret = hash.key(for: "token")
        ticketSecret = hash.key(for: "upload ticket")
        let json = #"{"typ":"JWT","alg":"HS256","kid":"\#(id)"}"#
        var text: [UInt8] = []
        text.append(base64URL: Array(json.utf8).span)
        header = text + [UInt8(ascii: ".")]
    }

    public static let byteCount = 32
}

/// The keys of one installation, oldest first. Every instance that shares them accepts what any
/// other has signed.
///
/// As a file: one key a line, 64 hexadecimal digits; empty lines and those that begin with `#` do
/// not count. The last one signs, all verify. A new key may be put in front until every instance
/// has read it, and then at the end.
public struct TokenKeyRing: Sendable, Equatable {
    /// At least one.
    public let keys: [TokenKey]

    /// How many keys a file may hold.
    public static let mostKeys = 16
    /// The most bytes of a file.
    public static let largestByteCount = 64 * 1024

    /// A key that nobody knows, until the program ends.
    public static func random() throws(RandomnessError) -> TokenKeyRing {
        TokenKeyRing(keys: [TokenKey(try SecretBytes.random(count: TokenKey.byteCount))])
    }

    private init(keys: [TokenKey]) { self.keys = keys }

    public init(parsing text: borrowing Span<UInt8>) throws(TokenKeyError) {
        let text = copy text
        var keys: [TokenKey] = []
        var line = 1
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == 0x0A {
            let content = text.extracting(start..<index).trimmed
            start = index + 1
            defer { line += 1 }
            guard !content.isEmpty, content[0] != UInt8(ascii: "#") else { continue }
            guard let key = TokenKey(hexadecimal: content) else {
                throw TokenKeyError(.noKey, line)
            }
            guard !keys.contains(where: { $0.id == key.id }) else {
                throw TokenKeyError(.repeated, line)
            }
            keys.append(key)
            guard keys.count <= Self.mostKeys else { throw TokenKeyError(.tooMany, line) }
        }
        guard !keys.isEmpty else { throw TokenKeyError(.empty, 1) }
        self.keys = keys
    }

    /// The text of a new file with one key.
    public static func newFile() throws(RandomnessError) -> [UInt8] {
        let secret = try SecretBytes.random(count: TokenKey.byteCount)
        var text = Array("# Signs tokens: one key a line, the last one signs, all verify.\n".utf8)
        for index in 0..<secret.count {
            text += secret.bytes[index].hexadecimalDigits
        }
        return text + [0x0A]
    }

    /// The same keys in the same order.
    public static func == (left: TokenKeyRing, right: TokenKeyRing) -> Bool {
        left.keys.map(\.id) == right.keys.map(\.id)
    }
}

/// What is wrong with a file of keys.
public struct TokenKeyError: Error, Equatable, CustomStringConvertible {
    public enum Problem: Sendable { case noKey, repeated, tooMany, empty }

    public let problem: Problem
    /// From 1.
    public let line: Int

    init(_ problem: Problem, _ line: Int) {
        self.problem = problem
        self.line = line
    }

    public var description: String {
        let wrong =
            switch problem {
            case .noKey: "is no key (64 hexadecimal digits)"
            case .repeated: "is there already (each key once)"
            case .tooMany: "is one key too many (\(TokenKeyRing.mostKeys) at most)"
            case .empty: "there is no key (64 hexadecimal digits on a line)"
            }
        return "line \(line): \(wrong)"
    }
}

extension TokenKey {
    fileprivate init?(hexadecimal text: Span<UInt8>) {
        guard text.count == Self.byteCount * 2 else { return nil }
        let room = SecretBuffer(capacity: Self.byteCount)
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = text[index].hexValue, let low = text[index + 1].hexValue else {
                return nil
            }
            room.append(high << 4 | low)
        }
        self.init(SecretBytes(copying: room.bytes))
    }
}

extension Span<UInt8> {
    /// Without blanks, tabs and carriage returns at both ends.
    fileprivate var trimmed: Span<UInt8> {
        @_lifetime(copy self) get {
            var start = 0
            var end = count
            while start < end, [0x20, 0x09, 0x0D].contains(self[start]) { start += 1 }
            while start < end, [0x20, 0x09, 0x0D].contains(self[end - 1]) { end -= 1 }
            return extracting(start..<end)
        }
    }
}

extension KeyedHash {
    fileprivate func code(of purpose: String) -> Code32 {
        code(label: 0, Array("registry-proxy".utf8).span, Array(purpose.utf8).span)
    }

    fileprivate func key(for purpose: String) -> SecretBytes { SecretBytes(code(of: purpose)) }
}
