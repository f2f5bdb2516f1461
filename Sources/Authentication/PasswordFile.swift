public import Bytes
import Secrets

/// The users of one htpasswd file, as it was at one moment.
///
/// A value of this type has at least one user, no user twice, and only hashes that can be checked:
/// a file with any fault is refused whole, with every fault and its line.
public struct PasswordFile: Sendable, Equatable {
    /// Largest file in bytes, 16 MiB: some 200,000 users.
    public static let largestByteCount = 16 * 1024 * 1024

    let hashes: [ByteString: PasswordHash]
    /// The hash that takes longest: what an unknown user is checked against, so that no answer
    /// comes sooner for want of a user.
    let strongest: PasswordHash
    /// What the operator should know: weak or mixed costs. Not a reason to refuse.
    public let warnings: [PasswordFileError]

    /// Reads the file, if its kind, owner and mode allow it.
    public static func load(path: String) throws(PasswordFileErrors) -> PasswordFile {
        let contents: SecretBytes
        do {
            contents = try SecretFile.read(path: path, limit: largestByteCount)
        } catch {
            throw PasswordFileErrors(all: [PasswordFileError(path, nil, .file(error))])
        }
        return try PasswordFile(parsing: contents.bytes, named: path)
    }

    /// - Parameter name: what error messages call the file.
    public init(
        parsing contents: borrowing Span<UInt8>,
        named name: String
    ) throws(PasswordFileErrors) {
        var reader = PasswordFileReader(name: name)
        reader.read(contents)
        guard reader.errors.isEmpty, let strongest = reader.strongest else {
            throw PasswordFileErrors(all: reader.errors)
        }
        hashes = reader.users.mapValues(\.hash)
        self.strongest = strongest
        warnings = reader.warnings
    }

    /// All names, in byte order.
    public var users: [ByteString] { hashes.keys.sorted() }

    public func contains(_ user: ByteString) -> Bool { hashes[user] != nil }

    /// Whether `user` is in the file and has this password.
    ///
    /// Computes exactly one hash in every case, for unknown users the costliest of the file. Never
    /// call it on a loop.
    public func verify(
        _ user: ByteString,
        _ password: borrowing Span<UInt8>
    ) -> PasswordVerdict {
        let stored = hashes[user]
        let matches = (stored ?? strongest).matches(password)
        if stored == nil { return .unknownUser }
        return matches ? .right : .wrong
    }

    public static func == (left: PasswordFile, right: PasswordFile) -> Bool {
        left.hashes == right.hashes
    }
}

/// What a password file says to a login.
public enum PasswordVerdict: Sendable, Equatable {
    case right, wrong, unknownUser
}
