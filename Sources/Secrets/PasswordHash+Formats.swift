import Bytes

// The grammars of crypt(5), as narrow as the programs that write them.

/// Why a text is no password hash that is accepted. Never contains the text itself.
public enum PasswordHashError: Error, Equatable, CustomStringConvertible {
    /// Another format; its name, as far as it can be told.
    case format(RefusedHashFormat)
    case bcryptLength(Int)
    case bcryptCost
    case rounds
    case salt
    case checksumLength(Int, expected: Int)
    case alphabet
    case yescryptParameters

    /// What is wrong, and in brackets what is allowed.
    public var description: String {
        switch self {
        case .format(let name):
            "\(name.text) is not accepted (bcrypt $2a$ $2b$ $2y$, $5$, $6$, $y$)"
        case .bcryptLength(let count):
            "a bcrypt hash of \(count) characters (60)"
        case .bcryptCost:
            "the cost of the bcrypt hash is out of range (04 to 16)"
        case .rounds:
            "the rounds of the hash are out of range (1000 to 1000000)"
        case .salt:
            "the salt of the hash has a wrong length or alphabet"
        case .checksumLength(let count, let expected):
            "the hash ends in \(count) characters (\(expected))"
        case .alphabet:
            "the hash has a character outside its alphabet (./0-9A-Za-z)"
        case .yescryptParameters:
            "the parameters of the yescrypt hash are not accepted (j75, j85, j7T to jBT)"
        }
    }
}

/// The name of a hash format that was recognized only to be refused.
public enum RefusedHashFormat: Sendable, Equatable {
    case empty, apacheMD5, md5, sha1, bcrypt2x, locked, other

    var text: String {
        switch self {
        case .empty: "an empty hash"
        case .apacheMD5: "Apache MD5 ($apr1$)"
        case .md5: "MD5 crypt ($1$)"
        case .sha1: "SHA-1 ({SHA})"
        case .bcrypt2x: "bcrypt $2x$, the variant with the sign bug,"
        case .locked: "a locked entry (* or !)"
        case .other: "an unknown format, or a password that is not hashed,"
        }
    }
}

func formatName(_ text: Span<UInt8>) -> RefusedHashFormat {
    if text.isEmpty { return .empty }
    if text.starts(with: "$apr1$") { return .apacheMD5 }
    if text.starts(with: "$1$") { return .md5 }
    if text.starts(with: "{SHA}") { return .sha1 }
    if text.starts(with: "$2x$") { return .bcrypt2x }
    return text[0] == UInt8(ascii: "*") || text[0] == UInt8(ascii: "!") ? .locked : .other
}

/// `$2y$10$`, 22 characters of salt, 31 of checksum.
func bcryptCost(_ text: Span<UInt8>) throws(PasswordHashError) -> Int {
    guard text.count == 60 else { throw .bcryptLength(text.count) }
    guard let cost = text.extracting(4..<6).decimalValue, (4...16).contains(cost),
        text[6] == UInt8(ascii: "$")
    else { throw .bcryptCost }
    guard hasOnlyHashCharacters(text.extracting(7..<60)) else { throw .alphabet }
    // 22 characters carry 132 bits, the salt has 128: others than these four last ones never match.
    guard StaticString(".Oeu").contains(text[28]) else { throw .salt }
    return cost
}

/// `$5$` or `$6$`, perhaps `rounds=N$`, 1 to 16 characters of salt, `$`, the checksum.
func shaCryptRounds(
    _ text: Span<UInt8>,
    checksumByteCount: Int
) throws(PasswordHashError) -> Int {
    var rest = text.extracting(3..<text.count)
    var rounds = 5000
    if rest.starts(with: "rounds=") {
        let number = try field(7, of: &rest, orElse: .rounds)
        guard number[0] != UInt8(ascii: "0"), let value = number.decimalValue,
            (1000...1_000_000).contains(value)
        else { throw .rounds }
        rounds = value
    }
    let salt = try field(0, of: &rest, orElse: .salt)
    guard salt.count <= 16, hasOnlyHashCharacters(salt) else { throw .salt }
    try checkChecksum(rest, byteCount: checksumByteCount)
    return rounds
}

/// `$y$j9T$`, 1 to 86 characters of salt, `$`, 43 of checksum. Parameters as made by
/// crypt_gensalt(3).
func yescryptMemory(_ text: Span<UInt8>) throws(PasswordHashError) -> Int {
    var rest = text.extracting(3..<text.count)
    let parameters = try field(0, of: &rest, orElse: .yescryptParameters)
    guard let memory = yescryptMemoryTable[ByteString(copying: parameters)] else {
        throw .yescryptParameters
    }
    let salt = try field(0, of: &rest, orElse: .salt)
    guard salt.count <= 86, hasOnlyHashCharacters(salt) else { throw .salt }
    try checkChecksum(rest, byteCount: 43)
    return memory
}

/// KiB per computation; costs 1 to 7 of crypt_gensalt(3). Beyond, one login could take all memory.
private let yescryptMemoryTable: [ByteString: Int] = [
    "j75": 1024, "j85": 2048, "j7T": 4096, "j8T": 8192, "j9T": 16384, "jAT": 32768, "jBT": 65536,
]

/// The bytes from `start` to the next `$`, at least one; `rest` goes on behind it.
@_lifetime(copy rest)
private func field(
    _ start: Int,
    of rest: inout Span<UInt8>,
    orElse error: PasswordHashError
) throws(PasswordHashError) -> Span<UInt8> {
    guard let end = rest.firstIndex(of: UInt8(ascii: "$")), end > start else { throw error }
    let found = rest.extracting(start..<end)
    rest = rest.extracting((end + 1)..<rest.count)
    return found
}

private func checkChecksum(
    _ text: Span<UInt8>,
    byteCount: Int
) throws(PasswordHashError) {
    guard text.count == byteCount else {
        throw .checksumLength(text.count, expected: byteCount)
    }
    guard hasOnlyHashCharacters(text) else { throw .alphabet }
}

private func hasOnlyHashCharacters(_ text: Span<UInt8>) -> Bool {
    for index in 0..<text.count {
        let byte = text[index]
        guard byte.isASCIILetter || byte.isASCIIDigit || StaticString("./").contains(byte) else {
            return false
        }
    }
    return true
}

extension StaticString {
    fileprivate func contains(_ byte: UInt8) -> Bool {
        // SAFETY: the pointer stays inside the closure and has as many bytes as it says.
        withUTF8Buffer { unsafe $0.contains(byte) }
    }
}
