public import Bytes

/// What stands in an htpasswd file, also in one that is refused: for those who keep it.
public struct PasswordFileListing: Sendable {
    /// Those whose lines can be taken, in the order of lines. While there are errors none of them
    /// can log in, since the file is refused whole.
    public let users: [ByteString]
    /// Every fault, as in `PasswordFileErrors`; empty if the file can be taken.
    public let errors: [PasswordFileError]

    /// - Parameter name: what error messages call the file.
    public init(parsing contents: borrowing Span<UInt8>, named name: String) {
        var reader = PasswordFileReader(name: name)
        reader.read(contents)
        // A byte order mark is a fault of a line that is read all the same.
        let faulty = Set(reader.errors.compactMap(\.line))
        users = reader.users.filter { !faulty.contains($0.value.line) }
            .sorted { $0.value.line < $1.value.line }
            .map(\.key)
        errors = reader.errors
    }
}
