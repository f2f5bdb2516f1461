import AccessControl
import Bytes
import Foundation
import Secrets
import Testing

@testable import Tokens

@Suite struct RobotTests {
    private func moment(_ seconds: Int64 = 0) -> Moment {
        Moment(secondsSince1970: start + seconds)
    }

    private func order(
        _ name: String = "ci",
        actions: [ByteString] = ["push"],
        expires: ByteString = "1d"
    ) throws -> RobotOrder {
        try RobotOrder(
            name: ByteString(name),
            actions: actions,
            repositories: ["team/{a,b}/**"],
            tags: ["v*"],
            networks: ["10.0.0.0/8"],
            expires: expires,
            now: moment()
        )
    }

    private func isOne(_ text: [UInt8]) -> Bool { RobotSecret.isOne(text.span) }

    private func find(_ secret: RobotSecret, in store: RobotStore) throws -> Robot? {
        try store.robot(password: secret.text.bytes).get()
    }

    private func temporaryFile() -> String {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        return "\(base)/robots-\(UUID().uuidString).jsonl"
    }

    @Test(
        "a token has its prefix, 40 characters of its own and a checksum, and no other text passes")
    func form() throws {
        var texts: Set<String> = []
        for _ in 0..<50 {
            let secret = try RobotSecret()
            let text = ByteString(copying: secret.text.bytes)
            #expect(texts.insert(text.description).inserted)
            #expect(text.description.contains(#/^rpx_[0-9A-Za-z]{46}$/#))
            #expect(isOne(text.bytes))
            for index in text.bytes.indices {
                var other = text.bytes
                other[index] =
                    other[index] == UInt8(ascii: "a") ? UInt8(ascii: "b") : UInt8(ascii: "a")
                #expect(!isOne(other))
            }
            #expect(!isOne(text.bytes.dropLast()))
        }
        #expect("\(try RobotSecret())".contains("redacted"))
    }

    @Test("what was minted is found by its bytes alone, in every store that shares the file")
    func lifeCycle() throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let one = try RobotStore(path: path)
        let other = try RobotStore(path: path)
        let revision = other.revision
        let made = try one.mint(order(), owner: "ann", by: "test", now: moment())
        #expect(try find(made.secret, in: one)?.id == made.robot.id)
        #expect(try other.robot(id: made.robot.id).get() == nil)
        other.refresh()
        #expect(other.revision > revision)
        let found = try #require(try find(made.secret, in: other))
        #expect(found.owner == "ann" && found.order.name == "ci")
        #expect(found.order.expiry == made.robot.order.expiry)
        #expect(found.order.repositories.map(\.text) == ["team/{a,b}/**"])
        #expect(found.order.tags?.map(\.text) == ["v*"] && found.order.actions == .push)
        #expect(!found.hasExpired(at: moment(86_400)) && found.hasExpired(at: moment(86_401)))
        let unknown = try RobotSecret()
        #expect(try find(unknown, in: other) == nil)
        #expect(throws: RobotFileError.unknownToken) {
            try other.revoke(made.robot.id, of: "bob", by: "bob", now: moment())
        }
        try other.revoke(made.robot.id, of: "ann", by: "ann", now: moment())
        one.refresh()
        #expect(try find(made.secret, in: one) == nil)
        #expect(try one.all(of: nil).isEmpty)
        let file = try String(contentsOfFile: path, encoding: .utf8)
        let secret = ByteString(copying: made.secret.text.bytes).description
        #expect(!file.contains(secret) && !file.contains(secret.dropFirst(4)))
        #expect(file.split(separator: "\n").count == 2)
    }

    @Test(
        "nothing that changes a terminal gets into the file",
        arguments: ["a\u{1B}[2J/**", "a\u{202E}/**", "a\u{E9}/**", "a b/**"])
    func unprintable(text: String) throws {
        func refused(repository: String = "**", tag: String = "v*") {
            #expect(throws: RobotOrderError.self) {
                try RobotOrder(
                    name: "ci", actions: ["pull"], repositories: [ByteString(repository)],
                    tags: [ByteString(tag)], networks: [], expires: "1d", now: moment())
            }
        }
        refused(repository: text)
        refused(tag: text)
        guard text.unicodeScalars.contains(where: { !$0.isPrintable }) else { return }
        #expect(throws: RobotOrderError.self) { try order(text) }
    }

    @Test("what older programs took is still read")
    func olderLines() throws {
        let order = try RobotOrder(
            name: "caf\u{E9}\u{AD}", actions: ["pull"], repositories: ["a\u{E9}/**"], tags: [],
            networks: [], expires: "1d", now: moment(), isStored: true)
        #expect(order.repositories.map(\.text) == ["a\u{E9}/**"])
    }

    @Test("a line cut short by a crash does not count, and the next one is whole")
    func tornLine() throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try RobotStore(path: path)
        let first = try store.mint(order(), owner: "ann", by: "test", now: moment())
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"event":"created","id":"x"#.utf8))
        try handle.close()
        let second = try store.mint(order(), owner: "ann", by: "test", now: moment())
        let fresh = try RobotStore(path: path)
        #expect(Set(try fresh.all(of: "ann").map(\.id)) == [first.robot.id, second.robot.id])
        #expect(try RobotStore.tornLines(path: path) == [2])
    }

    @Test("a line that is not understood makes every token unknown until the file is put right")
    func unknownLine() throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try RobotStore(path: path)
        let made = try store.mint(order(), owner: "ann", by: "test", now: moment())
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"event\":\"paused\",\"id\":\"x\"}\n".utf8))
        try handle.close()
        store.refresh()
        store.refresh()
        #expect(store.problem == .unknownLine(2))
        guard case .failure = store.robot(id: made.robot.id) else {
            Issue.record("a token is believed")
            return
        }
        #expect(throws: RobotFileError.unknownLine(2)) { try RobotStore(path: path) }
        try good.write(to: URL(fileURLWithPath: path))
        store.refresh()
        #expect(try store.robot(id: made.robot.id).get() != nil)
    }

    @Test("a file that others may read is refused")
    func permissions() throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data().write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: (any Error).self) { try RobotStore(path: path) }
    }

    @Test("use is written down once an hour; where that fails, it is tried again after a minute")
    func use() async throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try RobotStore(path: path)
        let robot = try store.mint(order(), owner: "ann", by: "test", now: moment()).robot
        func uses() throws -> Int {
            try String(contentsOfFile: path, encoding: .utf8)
                .split(separator: "\n").count { $0.contains(#""event":"used""#) }
        }
        func use(at seconds: Int64, mode: Int) async throws -> Int {
            let attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
            try FileManager.default.setAttributes(attributes, ofItemAtPath: path)
            store.noteUse(of: robot, now: moment(seconds))
            await withCheckedContinuation { written in
                #expect(store.submit { written.resume() })
            }
            return try uses()
        }
        // One that others can read is not written to.
        #expect(try await use(at: 0, mode: 0o644) == 0)
        #expect(try await use(at: 59, mode: 0o600) == 0)
        #expect(try await use(at: 60, mode: 0o600) == 1)
        #expect(try await use(at: 3659, mode: 0o600) == 1)
        #expect(try await use(at: 3660, mode: 0o600) == 2)
    }

    @Test("an owner has so many tokens and no more; expired ones do not count")
    func limit() throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try RobotStore(path: path)
        for number in 0..<RobotStore.mostPerOwner {
            _ = try store.mint(order("t\(number)"), owner: "ann", by: "test", now: moment())
        }
        #expect(throws: RobotFileError.tooMany(RobotStore.mostPerOwner)) {
            try store.mint(order(), owner: "ann", by: "test", now: moment())
        }
        _ = try store.mint(order(), owner: "bob", by: "test", now: moment())
        _ = try store.mint(order(), owner: "ann", by: "test", now: moment(86_401))
    }

    @Test(
        "when a token ends",
        arguments: [
            ("90s", 90), ("5m", 300), ("12h", 43_200), ("90d", 7_776_000), ("2w", 1_209_600),
            ("2026-01-01", 86_399), ("2026-01-02T00:00:00Z", 86_400), ("0d", nil), ("1y", nil),
            ("d", nil), ("-1d", nil), ("2025-12-31", nil), ("99999d", nil), ("", nil),
            ("1.5h", nil),
        ] as [(String, Int64?)]
    )
    func expiry(text: String, seconds: Int64?) {
        let order = try? order(expires: ByteString(text))
        #expect(order?.expiry.secondsSince1970 == seconds.map { start + $0 })
    }
}
