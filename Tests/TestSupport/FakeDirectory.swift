// A directory server that says what a test tells it to, byte by byte.

import Foundation
import NetIO

/// One request as it came (RFC 4511 section 4.1.1).
public struct LDAPRequest: Sendable {
    public let number: UInt8
    /// The operation's tag: 0x60 bind, 0x63 search, 0x77 extended, 0x42 unbind.
    public let tag: UInt8
    public let bytes: [UInt8]
}

/// Answers, in BER.
public enum LDAPAnswer {
    /// A message of any kind.
    public static func message(_ number: UInt8, _ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        wrap(0x30, [0x02, 0x01, number] + wrap(tag, content))
    }

    /// A result: 0x61 of a bind, 0x65 of a search, 0x78 of an extended request.
    public static func result(
        _ number: UInt8,
        _ tag: UInt8,
        code: UInt8 = 0,
        diagnostic: String = "",
        more: [UInt8] = []
    ) -> [UInt8] {
        let content = [0x0A, 0x01, code, 0x04, 0x00] + wrap(0x04, Array(diagnostic.utf8)) + more
        return message(number, tag, content)
    }

    public static func entry(
        _ number: UInt8,
        dn: String,
        _ attributes: [(String, [String])]
    ) -> [UInt8] {
        let list = attributes.flatMap { name, values in
            wrap(
                0x30,
                wrap(0x04, Array(name.utf8))
                    + wrap(0x31, values.flatMap { wrap(0x04, Array($0.utf8)) })
            )
        }
        return message(number, 0x64, wrap(0x04, Array(dn.utf8)) + wrap(0x30, list))
    }

    /// What the answer to "who am I" holds besides the result.
    public static func authorization(_ name: String) -> [UInt8] { wrap(0x8B, Array(name.utf8)) }

    public static func wrap(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        if count < 128 { return [tag, UInt8(count)] + content }
        let length = [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
        return [tag, 0x83] + length + content
    }
}

/// Listens on `127.0.0.1` and answers every connection by the test's script.
public final class FakeDirectory: Sendable {
    /// One connection from the proxy.
    public struct Visit: Sendable {
        public let socket: Socket
        /// 0 for the first connection, and so on.
        public let index: Int
        private let seen: @Sendable (LDAPRequest) -> Void
        private let end = End()

        private final class End: Sendable {
            let hasCome = Locked(false)
        }

        init(_ socket: Socket, _ index: Int, _ seen: @escaping @Sendable (LDAPRequest) -> Void) {
            self.socket = socket
            self.index = index
            self.seen = seen
        }

        /// Cuts the connection. The socket's number may be another's from then on.
        public func reset() {
            end.hasCome.withLock { $0 = true }
            socket.reset()
        }

        /// The next request; `nil` when the proxy has gone, or the connection was cut.
        public func next() -> LDAPRequest? {
            guard !end.hasCome.withLock({ $0 }) else { return nil }
            guard let head = read(2), head[0] == 0x30 else { return nil }
            var count = Int(head[1])
            var length: [UInt8] = []
            if count > 128 {
                guard let more = read(count - 128) else { return nil }
                length = more
                count = more.reduce(0) { $0 << 8 | Int($1) }
            }
            guard let body = read(count), count > 4 else { return nil }
            let request = LDAPRequest(number: body[2], tag: body[3], bytes: head + length + body)
            seen(request)
            return request
        }

        public func send(_ bytes: [UInt8]) { try? socket.send(bytes) }

        private func read(_ count: Int) -> [UInt8]? {
            var bytes: [UInt8] = []
            while bytes.count < count {
                guard
                    case .bytes(let more)? = try? socket.receive(
                        upTo: count - bytes.count, within: 120)
                else { return nil }
                bytes += more
            }
            return bytes
        }
    }

    private let listening: Socket
    private let requests = Locked<[LDAPRequest]>([])
    private let visits = Locked<[Socket]>([])

    public var port: Int { listening.port }
    public var url: String { "ldap://127.0.0.1:\(port)" }
    /// Every request so far, of all connections.
    public var seen: [LDAPRequest] { requests.withLock { $0 } }
    public var visitCount: Int { visits.withLock { $0.count } }

    public func count(_ tag: UInt8) -> Int { seen.count { $0.tag == tag } }

    /// - Parameter script: run for each connection on a thread of its own; the connection is closed
    ///   at its end.
    public init(_ script: @escaping @Sendable (Visit) -> Void) throws {
        listening = try Socket.listen()
        let thread = Thread { [listening, weak self] in
            var index = 0
            while let socket = listening.accept() {
                guard let self else { return }
                self.visits.withLock { $0.append(socket) }
                let visit = Visit(socket, index) { [weak self] request in
                    self?.requests.withLock { $0.append(request) }
                }
                index += 1
                Thread {
                    script(visit)
                    socket.close()
                }
                .start()
            }
        }
        thread.start()
    }

    deinit {
        listening.interrupt()
        for socket in visits.withLock({ $0 }) { socket.interrupt() }
    }

    /// Answers as a small directory does that knows one entry: anybody may bind as it with any
    /// password, and everybody finds it.
    public static func agreeable(_ visit: Visit, _ request: LDAPRequest) {
        switch request.tag {
        case 0x60: visit.send(LDAPAnswer.result(request.number, 0x61))
        case 0x63:
            visit.send(LDAPAnswer.entry(request.number, dn: Self.entryDN, [("uid", ["alice"])]))
            visit.send(LDAPAnswer.result(request.number, 0x65))
        case 0x77:
            let name = LDAPAnswer.authorization("dn:\(Self.entryDN)")
            visit.send(LDAPAnswer.result(request.number, 0x78, more: name))
        default: break
        }
    }

    public static let entryDN = "uid=alice,ou=people,dc=example,dc=com"

    /// Serves a connection to its end; `special` answers what it wants to and says so.
    public static func serve(
        _ visit: Visit,
        _ special: (LDAPRequest) -> Bool = { _ in false }
    ) {
        while let request = visit.next() {
            if request.tag == 0x42 { return }
            if !special(request) { agreeable(visit, request) }
        }
    }
}
