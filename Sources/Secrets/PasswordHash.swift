public import Bytes

/// A stored password hash of one of the formats that are accepted: bcrypt (`$2a$`, `$2b$`, `$2y$`),
/// SHA-256 crypt (`$5$`), SHA-512 crypt (`$6$`) and yescrypt (`$y$`); crypt(5).
///
/// `init(parsing:)` lets through only what libcrypt could have written and what can be computed in
/// bounded time and memory, so a `PasswordHash` can always be tried. It is not shown when printed.
public struct PasswordHash: Sendable, Hashable {
    /// How the hash was made.
    public enum Format: Sendable, Hashable {
        /// 2 to the power of `cost` rounds; 4 to 16.
        case bcrypt(cost: Int)
        /// 1,000 to 1,000,000 rounds.
        case sha256(rounds: Int)
        case sha512(rounds: Int)
        /// `memory` in KiB; 1 MiB to 64 MiB.
        case yescrypt(memory: Int)
    }

    public let format: Format
    /// The whole text, as in the file. It is also the setting that crypt(3) is called with.
    let text: [UInt8]

    /// The text as it stands in a file. Whoever shows it helps to guess the password.
    public var stored: ByteString { ByteString(text) }

    /// Roughly how long one computation takes: microseconds on one core of a server of 2023.
    ///
    /// For comparing hashes of different formats, and nothing else.
    public var effort: Int {
        switch format {
        case .bcrypt(let cost): 70 << cost
        case .sha256(let rounds): rounds / 4
        case .sha512(let rounds): rounds / 4
        case .yescrypt(let memory): memory * 4 / 3
        }
    }

    /// The longest password in bytes that the format takes whole. Longer ones never match.
    public var longestPassword: Int {
        if case .bcrypt = format { 72 } else { 256 }
    }

    /// - Parameter text: the field behind the first colon of a password file.
    public init(parsing text: borrowing Span<UInt8>) throws(PasswordHashError) {
        let text = copy text
        if text.starts(with: "$2a$") || text.starts(with: "$2b$") || text.starts(with: "$2y$") {
            format = .bcrypt(cost: try bcryptCost(text))
        } else if text.starts(with: "$5$") {
            format = .sha256(rounds: try shaCryptRounds(text, checksumByteCount: 43))
        } else if text.starts(with: "$6$") {
            format = .sha512(rounds: try shaCryptRounds(text, checksumByteCount: 86))
        } else if text.starts(with: "$y$") {
            format = .yescrypt(memory: try yescryptMemory(text))
        } else {
            throw .format(formatName(text))
        }
        self.text = ByteString(copying: text).bytes
    }
}

/// Shown instead: a hash is half of a password.
extension PasswordHash: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
