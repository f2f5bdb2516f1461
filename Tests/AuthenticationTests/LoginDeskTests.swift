import AccessControl
import Authentication
import Bytes
import Foundation
import NetIO
import Secrets
import Synchronization
import Testing

@Suite struct LoginDeskTests {
    private let pool: BlockingPool
    private let desk: LoginDesk
    private let now = SharedClock()

    init() throws {
        let clock = now
        pool = try BlockingPool(name: "test", threadCount: 2, queueLimit: 256)
        desk = try LoginDesk(
            users: Self.users("alice", "bob"),
            pool: pool,
            clock: { clock.value }
        )
    }

    private static func users(_ names: String...) throws -> PasswordFile {
        let text = names.map { "\($0):\(Known.bcrypt)\n" }.joined()
        return try PasswordFile(parsing: ByteString(text).span, named: "users")
    }

    private func field(_ user: String, _ password: String = "correct horse") -> ByteString {
        ByteString("Basic " + Data("\(user):\(password)".utf8).base64EncodedString())
    }

    /// One request, as a loop does it.
    private func request(_ memory: LoginMemory, _ field: ByteString) async -> LoginAnswer? {
        switch memory.lookup(field.span, now: now.value) {
        case .known(let identity): .identity(identity)
        case .check(let login): await desk.verify(login, source: "10.0.0.1").answer
        case .malformed: nil
        }
    }

    private let alice = Identity(user: "alice", groups: [], provider: .htpasswd)

    @Test("1,000 requests, 64 at a time on several loops, compute one hash")
    func oneHash() async {
        let field = field("alice")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    let memory = LoginMemory(desk)
                    for _ in 0..<16 {
                        #expect(await request(memory, field) == .identity(alice))
                    }
                }
            }
        }
        #expect(desk.counts.passwordHashes == 1)
        #expect(desk.counts.cacheHits + desk.counts.accepted == 1024)
        #expect(desk.counts.waiting == 0)
    }

    @Test("a known login is answered by the loop's memory alone")
    func known() async {
        let memory = LoginMemory(desk)
        #expect(await request(memory, field("alice")) == .identity(alice))
        for _ in 0..<3 {
            guard case .known(alice) = memory.lookup(field("alice").span, now: now.value) else {
                Issue.record("a verified login was not known")
                return
            }
        }
        #expect(desk.counts.cacheHits == 3)
    }

    @Test("a wrong password and an unknown user look the same and cost one hash each")
    func wrong() async throws {
        let memory = LoginMemory(desk)
        #expect(await request(memory, field("alice", "no")) == .wrong(user: "alice"))
        #expect(desk.counts.passwordHashes == 1)
        #expect(await request(memory, field("mallory")) == .wrong(user: "mallory"))
        #expect(desk.counts.passwordHashes == 2)
        // Remembered, both of them: a file says the same until there is another one.
        now.advance(seconds: 3599)
        #expect(await request(memory, field("alice", "no")) == .wrong(user: "alice"))
        #expect(await request(memory, field("mallory")) == .wrong(user: "mallory"))
        #expect(desk.counts.passwordHashes == 2)
        try desk.replaceUsers(Self.users("alice", "mallory"))
        #expect(await request(memory, field("mallory")) == .identity(identity("mallory")))
        #expect(desk.counts.passwordHashes == 3)
        #expect(desk.counts.wrong == 4)
    }

    @Test("a login is checked anew when its lifetime is over, on every loop")
    func lifetime() async {
        let one = LoginMemory(desk)
        let two = LoginMemory(desk)
        _ = await request(one, field("alice"))
        _ = await request(two, field("alice"))
        now.advance(seconds: 299)
        _ = await request(one, field("alice"))
        #expect(desk.counts.passwordHashes == 1)
        now.advance(seconds: 1)
        _ = await request(one, field("alice"))
        _ = await request(two, field("alice"))
        #expect(desk.counts.passwordHashes == 2)
    }

    /// HP22.
    @Test("a user who is removed is refused at once, on every loop")
    func removed() async throws {
        let memory = LoginMemory(desk)
        #expect(await request(memory, field("bob")) == .identity(identity("bob")))
        #expect(try desk.replaceUsers(Self.users("alice")))
        #expect(await request(memory, field("bob")) == .wrong(user: "bob"))
        #expect(try desk.replaceUsers(Self.users("alice", "bob")))
        #expect(await request(memory, field("bob")) == .identity(identity("bob")))
    }

    @Test("the same users again change nothing")
    func sameUsers() async throws {
        let memory = LoginMemory(desk)
        _ = await request(memory, field("alice"))
        #expect(try !desk.replaceUsers(Self.users("bob", "alice")))
        _ = await request(memory, field("alice"))
        #expect(desk.counts.passwordHashes == 1)
    }

    @Test("a login that was looked up before a reload is checked with the new users")
    func lookedUpBefore() async throws {
        let memory = LoginMemory(desk)
        guard case .check(let login) = memory.lookup(field("bob").span, now: 0) else {
            Issue.record("an unchecked login was known")
            return
        }
        try desk.replaceUsers(Self.users("alice"))
        #expect(await desk.verify(login, source: "s").answer == .wrong(user: "bob"))
    }

    @Test("when the threads are gone, a login is told to come back")
    func noThreads() async {
        pool.shutdown()
        let memory = LoginMemory(desk)
        #expect(await request(memory, field("alice")) == .busy)
        #expect(desk.counts.busy == 1)
        #expect(desk.counts.waiting == 0)
    }

    @Test("what is malformed asks nobody", arguments: ["Basic x", "Bearer abc", ""])
    func malformed(value: String) async {
        let memory = LoginMemory(desk)
        #expect(await request(memory, ByteString(value)) == nil)
        #expect(desk.counts.passwordHashes + desk.counts.wrong + desk.counts.waiting == 0)
    }

    @Test("a login that waits does not show its password")
    func redacted() {
        let memory = LoginMemory(desk)
        var text = ""
        dump(memory.lookup(field("alice", "hunter2").span, now: 0), to: &text)
        #expect(text.contains("alice"))
        #expect(!text.contains("hunter2"))
        #expect(!text.contains("104"))
    }

    private func identity(_ user: ByteString) -> Identity {
        Identity(user: user, groups: [], provider: .htpasswd)
    }
}

extension LoginDesk {
    /// Waits for the result, as an exchange does.
    fileprivate func verify(_ login: PendingLogin, source: ByteString) async -> LoginResult {
        let bell = AsyncStream.makeStream(of: Void.self)
        let check = begin(login, source: source) { bell.continuation.yield() }
        defer { leave(check) }
        var rings = bell.stream.makeAsyncIterator()
        while true {
            if let result = check.result { return result }
            await rings.next()
        }
    }
}

/// A monotonic clock that stands still unless a test moves it.
final class SharedClock: Sendable {
    private let nanoseconds = Atomic<Int64>(1)
    var value: Int64 { nanoseconds.load(ordering: .acquiring) }
    func advance(seconds: Int64) {
        nanoseconds.wrappingAdd(seconds * 1_000_000_000, ordering: .releasing)
    }
}
