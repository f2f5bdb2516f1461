public import Bytes
public import Secrets

/// The text of an htpasswd file while it is edited: lines that are not meant stay byte for byte,
/// also comments and lines that the proxy would refuse.
///
/// For the command `user`, together with `SecretFile.update`. Pure.
public struct PasswordFileText: Sendable {
    /// Each with its LF, if it has one.
    private var lines: [[UInt8]] = []

    /// - Parameter contents: of the file; empty for a new one.
    public init(_ contents: borrowing Span<UInt8>) {
        let contents = copy contents
        forEachLine(of: contents) { line in
            let end = min(Int(line.end) + 1, contents.count)
            lines.append(ByteString(copying: contents.extracting(Int(line.start)..<end)).bytes)
        }
    }

    /// The text to write to the file.
    public var contents: [UInt8] { lines.flatMap(\.self) }

    /// Gives `user` this hash, on the line where the user stands, or on a new one at the end. If
    /// the user stood there several times, the later lines go.
    ///
    /// - Returns: `true` if the user is new.
    public mutating func set(
        _ user: ByteString,
        _ hash: PasswordHash
    ) throws(PasswordFileError) -> Bool {
        if let problem = userNameProblem(user.span) { throw PasswordFileError("", nil, problem) }
        if user.bytes[0] == UInt8(ascii: "#") || hasOuterBlank(user.span)
            || user.bytes.contains(UInt8(ascii: ":"))
        {
            throw PasswordFileError("", nil, .unwritableUser)
        }
        let line = user.bytes + [UInt8(ascii: ":")] + hash.stored.bytes + [UInt8(ascii: "\n")]
        guard let first = lines.firstIndex(where: { userName($0) == user }) else {
            endLastLine()
            lines.append(line)
            return true
        }
        remove(user)
        endLastLine()
        lines.insert(line, at: first)
        return false
    }

    /// - Returns: `false` if there was no such user.
    @discardableResult
    public mutating func remove(_ user: ByteString) -> Bool {
        let before = lines.count
        lines.removeAll { userName($0) == user }
        return lines.count < before
    }

    private mutating func endLastLine() {
        guard let last = lines.last, last.last != UInt8(ascii: "\n") else { return }
        lines[lines.count - 1].append(UInt8(ascii: "\n"))
    }
}

/// What stands before the first colon of a line that is no comment.
private func userName(_ line: [UInt8]) -> ByteString? {
    guard line.first != UInt8(ascii: "#"), let colon = line.firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    return ByteString(Array(line[..<colon]))
}
