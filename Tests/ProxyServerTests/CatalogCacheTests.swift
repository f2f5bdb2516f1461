import AccessControl
import Bytes
import RegistryAPI
import Testing

@testable import NetIO
@testable import ProxyServer

private func page(_ names: [String], hasMore: Bool = false) -> CatalogPage {
    var table = NameTable()
    for name in names { table.append(Array(name.utf8).span) }
    return CatalogPage(names: table, hasMore: hasMore)
}

private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

extension CatalogCache {
    /// The names behind `last` that are known; `nil` if the registry would have to be asked, which
    /// then fails.
    fileprivate func known(after last: ByteString?, at now: Instant) -> [String]? {
        switch lookUp(after: last, now: now, wake: {}) {
        case .found(let page, let first):
            return (first..<page.names.count).map {
                ByteString(copying: page.names[$0]).description
            }
        case .mustAsk(let ticket):
            finish(ticket, nil, now: now)
            return nil
        case .mustWait(let turn):
            leave(turn)
            return nil
        }
    }

    fileprivate func put(
        _ page: CatalogPage,
        after last: ByteString?,
        at now: Instant
    ) throws {
        let ticket = try duty(after: last, at: now)
        finish(ticket, page, now: now)
    }

    /// To ask for what is behind `last`, which nobody does.
    fileprivate func duty(after last: ByteString?, at now: Instant) throws -> Ticket {
        guard case .mustAsk(let ticket) = lookUp(after: last, now: now, wake: {}) else {
            throw Missing()
        }
        return ticket
    }

    /// To wait for whoever asks.
    fileprivate func turn(
        after last: ByteString?,
        wake: @escaping @Sendable () -> Void = {}
    ) throws -> Turn {
        guard case .mustWait(let turn) = lookUp(after: last, now: at(0), wake: wake) else {
            throw Missing()
        }
        return turn
    }
}

@Suite struct CatalogCacheTests {
    @Test("a page is found under the name it begins behind, and by each name on it")
    func byName() throws {
        let cache = CatalogCache()
        #expect(cache.known(after: nil, at: at(0)) == nil)
        try cache.put(page(["a", "a/b", "a-b"], hasMore: true), after: nil, at: at(0))
        #expect(cache.known(after: nil, at: at(1)) == ["a", "a/b", "a-b"])
        #expect(cache.known(after: "a/b", at: at(1)) == ["a-b"])
        #expect(cache.known(after: "a-b", at: at(1)) == nil, "more follows, but what?")
        #expect(cache.known(after: "a/c", at: at(1)) == nil, "where that is, only it knows")
        try cache.put(page([]), after: "a-b", at: at(1))
        #expect(cache.known(after: "a-b", at: at(1)) == [])
    }

    @Test("behind the last name of the whole list there is nothing")
    func end() throws {
        let cache = CatalogCache()
        try cache.put(page(["a", "b"]), after: nil, at: at(0))
        #expect(cache.known(after: "b", at: at(1)) == [])
    }

    @Test("a page is used for 30 seconds")
    func lifetime() throws {
        let cache = CatalogCache()
        try cache.put(page(["a", "b"]), after: nil, at: at(0))
        #expect(cache.known(after: nil, at: at(29)) != nil)
        #expect(cache.known(after: "a", at: at(29)) != nil)
        #expect(cache.known(after: "a", at: at(30)) == nil)
        #expect(cache.known(after: nil, at: at(30)) == nil)
        cache.expire(at: at(30))
        #expect(cache.known(after: nil, at: at(0)) == nil, "it is forgotten")
    }

    @Test(
        "a push to a repository that is not listed makes the list untrue")
    func changes() throws {
        let cache = CatalogCache()
        let listed = try found(RepositoryName(validating: Array("a/b".utf8).span))
        let new = try found(RepositoryName(validating: Array("a/c".utf8).span))
        try cache.put(page(["a", "a/b"]), after: nil, at: at(0))
        cache.note(changeOf: listed)
        #expect(cache.known(after: nil, at: at(1)) != nil)
        cache.note(changeOf: new)
        #expect(cache.known(after: nil, at: at(1)) == nil)
    }

    @Test("a list that was asked for before a push is not kept after it")
    func overtaken() throws {
        let cache = CatalogCache()
        let ticket = try cache.duty(after: nil, at: at(0))
        cache.note(changeOf: try found(RepositoryName(validating: Array("new".utf8).span)))
        cache.finish(ticket, page(["a"]), now: at(0))
        #expect(cache.known(after: nil, at: at(0)) == nil)
    }

    @Test("many who want the same page make one question, and are woken by its answer")
    func oneQuestion() throws {
        let cache = CatalogCache()
        let woken = Locked(0)
        let ticket = try cache.duty(after: "x", at: at(0))
        let turns = try (0..<200).map { _ in
            try cache.turn(after: "x") { woken.withLock { $0 += 1 } }
        }
        #expect(!turns.contains { $0.isOver })
        cache.finish(ticket, page(["y"]), now: at(0))
        #expect(turns.allSatisfy { $0.isOver })
        #expect(woken.withLock { $0 } == 200)
        #expect(cache.known(after: "x", at: at(0)) == ["y"])
    }

    @Test("if the one who asked gets nothing, the next asks")
    func failure() throws {
        let cache = CatalogCache()
        let first = try cache.duty(after: nil, at: at(0))
        let turn = try cache.turn(after: nil)
        cache.finish(first, nil, now: at(0))
        #expect(turn.isOver)
        let second = try cache.duty(after: nil, at: at(0))
        cache.finish(second, nil, now: at(0))
    }

    @Test("whoever leaves is not waited with, and not woken")
    func leaving() throws {
        let cache = CatalogCache()
        let woken = Locked(0)
        let ticket = try cache.duty(after: nil, at: at(0))
        let turn = try cache.turn(after: nil) { woken.withLock { $0 += 1 } }
        cache.leave(turn)
        #expect(cache.waitingCount == 0)
        cache.finish(ticket, nil, now: at(0))
        #expect(woken.withLock { $0 } == 0)
    }

    @Test("no more is kept than the limit allows, and the oldest goes first")
    func bounded() throws {
        let cache = CatalogCache()
        let long = page((0..<4).map { _ in String(repeating: "a", count: 3 << 20) })
        for second in 0..<5 {
            let last = ByteString("k\(second)")
            try cache.put(long, after: last, at: at(Int64(second)))
        }
        #expect(cache.known(after: "k0", at: at(5)) == nil)
        #expect(cache.known(after: "k2", at: at(5)) == nil)
        #expect(cache.known(after: "k3", at: at(5)) != nil)
        #expect(cache.known(after: "k4", at: at(5)) != nil)
    }
}

@Suite struct CatalogCursorsTests {
    private let alice = Identity(user: "alice", provider: .htpasswd)
    private let bob = Identity(user: "bob", provider: .htpasswd)

    @Test("a cursor leads back to its name, for the user it was made for")
    func roundTrip() throws {
        let cursors = try CatalogCursors()
        for name in ["", "a", "team-b/secret", String(repeating: "x", count: 1024)] {
            let cursor = try cursors.cursor(at: ByteString(name), for: alice)
            #expect(cursor.count <= RegistryOperation.longestCursor)
            #expect(cursors.name(at: cursor, for: alice)?.description == name)
            #expect(cursors.name(at: cursor, for: bob) == nil)
            #expect(cursors.name(at: cursor, for: .anonymous) == nil)
            #expect(try CatalogCursors().name(at: cursor, for: alice) == nil)
        }
    }

    @Test("cursors at short and at long names look alike")
    func sameLength() throws {
        let cursors = try CatalogCursors()
        let lengths = try Set(
            (0...254).map { length in
                let name = ByteString([UInt8](repeating: 0x61, count: length))
                return try cursors.cursor(at: name, for: alice).count
            }
        )
        #expect(lengths.count == 1)
    }

    @Test("anything else is no cursor", arguments: ["", "0", "00", "zz", "0g"])
    func refused(text: String) throws {
        #expect(try CatalogCursors().name(at: ByteString(text), for: alice) == nil)
    }
}
