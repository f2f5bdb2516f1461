import Authentication
import Bytes
import Testing

@Suite struct UserChangesTests {
    private func file(_ lines: String...) throws -> PasswordFile {
        let text = lines.map { $0 + "\n" }.joined()
        return try PasswordFile(parsing: ByteString(text).span, named: "users")
    }

    @Test("users come, go and get other passwords")
    func changes() throws {
        let other = Known.bcrypt.replacingLast(with: Known.bcrypt.last == "a" ? "b" : "a")
        let old = try file("ann:\(Known.bcrypt)", "bob:\(Known.bcrypt)", "eve:\(Known.bcrypt)")
        let new = try file("eve:\(Known.bcrypt)", "dave:\(Known.bcrypt)", "bob:\(other)")
        let changes = PasswordFile.changes(from: old, to: new)
        #expect(changes.added == ["dave"])
        #expect(changes.removed == ["ann"])
        #expect(changes.changed == ["bob"])
        #expect(PasswordFile.changes(from: nil, to: old).added == ["ann", "bob", "eve"])
        #expect(PasswordFile.changes(from: old, to: nil).removed == ["ann", "bob", "eve"])
    }
}

extension String {
    fileprivate func replacingLast(with character: Character) -> String {
        dropLast() + String(character)
    }
}
