import Bytes
import Foundation
import Secrets
import Testing

@Suite struct SecretFileTests {
    private let folder: URL
    private var path: String { folder.appendingPathComponent("secret").path }

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("secret-file-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private var contents: ByteString {
        get throws { try read() }
    }

    private func read(limit: Int = 1024) throws -> ByteString {
        // In one expression this stops the compiler (6.3.1).
        let secret = try SecretFile.read(path: path, limit: limit)
        return ByteString(copying: secret.bytes)
    }

    private func update(_ edit: (SecretBytes?) -> [UInt8]?) throws {
        try SecretFile.update(path: path, limit: 1024, edit: edit)
    }

    private var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    @Test("a file that is closed enough is read whole", arguments: [0o400, 0o600, 0o640, 0o440])
    func reads(mode: Int) throws {
        try write("key\n", mode: mode)
        #expect(try contents == ByteString("key\n"))
    }

    @Test(
        "a file that others may read or the group may write is refused",
        arguments: [0o604, 0o644, 0o620, 0o602, 0o601, 0o666, 0o777]
    )
    func openToOthers(mode: Int) throws {
        try write("key", mode: mode)
        #expect(throws: SecretFileError.openToOthers(mode: UInt32(mode))) {
            try read()
        }
        #expect(throws: SecretFileError.openToOthers(mode: UInt32(mode))) {
            try update { _ in [1] }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("key".utf8))
    }

    @Test("devices, FIFOs and directories are refused without waiting, also behind a link")
    func notRegular() throws {
        for target in ["/dev/zero", folder.path] {
            try? FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(
                atPath: path,
                withDestinationPath: target
            )
            #expect(throws: SecretFileError.notRegular) { try read() }
        }
        try FileManager.default.removeItem(atPath: path)
        #expect(unsafe mkfifo(path, 0o600) == 0)
        #expect(throws: SecretFileError.notRegular) { try read() }
    }

    @Test("a missing and a too large file are refused, each with its reason")
    func missingAndLarge() throws {
        #expect(throws: SecretFileError.system(call: "open", code: ENOENT)) {
            try read()
        }
        try write("12345")
        #expect(throws: SecretFileError.tooLarge(limit: 4)) {
            try read(limit: 4)
        }
        #expect(try read(limit: 5).count == 5)
    }

    @Test("a foreign owner is refused", .enabled(if: geteuid() == 0))
    func owner() throws {
        try write("key")
        #expect(unsafe chown(path, 12345, 0) == 0)
        #expect(throws: SecretFileError.foreignOwner(12345)) { try read() }
    }

    @Test("replacing keeps the mode, follows links, and leaves nothing else behind")
    func replaces() throws {
        try write("old", mode: 0o640)
        let link = folder.appendingPathComponent("link").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        try SecretFile.update(path: link, limit: 1024) { old in
            #expect(old?.count == 3)
            return Array("new".utf8)
        }
        #expect(try contents == ByteString("new"))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(try names == ["link", "secret"])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == path)
    }

    @Test("a new file is for its owner alone")
    func creates() throws {
        try update { old in
            #expect(old == nil)
            return [0x61]
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try names == ["secret"])
    }

    @Test("an edit that answers nil changes nothing")
    func noChange() throws {
        try update { _ in nil }
        #expect(try names == [])
    }

    @Test("edits at the same time lose none")
    func concurrentEdits() async throws {
        let path = path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    try SecretFile.update(path: path, limit: 4096) { old in
                        let before = old.map { ByteString(copying: $0.bytes).bytes } ?? []
                        return before + Array("\(number)\n".utf8)
                    }
                }
            }
            try await group.waitForAll()
        }
        let text = try contents.description
        #expect(Set(text.split(separator: "\n").map(String.init)).count == 40)
    }

    @Test(
        "a password is what stands in its file, without one line break at the end",
        arguments: [
            ("word", "word"), ("word\n", "word"), ("word\r\n", "word"), (" w:o rd ", " w:o rd "),
            ("w\u{F6}rd\n", "w\u{F6}rd"), (String(repeating: "x", count: 1024) + "\n", nil),
        ]
    )
    func passwords(text: String, password: String?) throws {
        try write(text)
        let secret = try SecretFile.password(in: SecretFile.read(path: path))
        let expected = password ?? String(text.dropLast())
        #expect(ByteString(copying: secret.bytes) == ByteString(expected))
    }

    @Test(
        "anything else is no password",
        arguments: [
            "", "\n", "\r\n", "word\n\n", "two\nlines", "a\0b", "tab\t", "\u{7F}",
            String(repeating: "x", count: 1025),
        ]
    )
    func noPasswords(text: String) throws {
        try write(text)
        #expect(throws: SecretFileError.notAPassword) {
            try SecretFile.password(in: SecretFile.read(path: path))
        }
    }

    @Test("a field of scheme Basic is made of user and password")
    func basic() throws {
        for (user, word, field) in [
            ("a", "b", "YTpi"), ("a", "bc", "YTpiYw=="), ("a", "bcd", "YTpiY2Q="),
            ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ] {
            let password = SecretBytes(copying: Array(word.utf8).span)
            let value = SecretBytes(basicUser: ByteString(user), password: password)
            #expect(ByteString(copying: value.bytes) == ByteString("Basic \(field)"))
        }
    }
}
