import Bytes
import NetIO
import NetTLS
import Secrets

/// One connection to a directory server, for a thread that may wait.
///
/// libldap never sees the network: it reads and writes one end of a socket pair, and this object
/// moves the bytes between the other end and the server, through our own TLS. So every wait is ours
/// and has a deadline, costs no processor time, and nothing that configures libldap's own TLS
/// matters.
///
/// After an error it must only be let go.
// SAFETY: `@unchecked Sendable`: it has one owner, who hands it over through a lock.
final class LDAPConnection: @unchecked Sendable {
    private let server: DirectorySettings.Server
    private let socket: BlockingSocket
    private let inner: BlockingSocket
    private let handle: LDAPHandle
    private var tls: TLSClientSession?
    private var hasEnded = false
    /// Bytes received since the present request was sent.
    private var receivedCount = 0

    private let plainOut = Buffer(capacity: 16 * 1024)
    private let recordsOut = Buffer(capacity: 64 * 1024)
    private let recordsIn = Buffer(capacity: 32 * 1024)
    private let plainIn = Buffer(capacity: 32 * 1024)

    /// A message of an honest server: an entry with a thousand groups.
    static let largestMessage = 512 * 1024
    /// All that may come for one request.
    static let largestAnswer = 4 * 1024 * 1024

    /// Over a socket that is connected; TLS is not begun.
    init(_ socket: BlockingSocket, to server: DirectorySettings.Server) throws(LDAPError) {
        self.server = server
        self.socket = socket
        let pair: (ours: BlockingSocket, theirs: Int32)
        do {
            pair = try BlockingSocket.pair()
        } catch {
            throw LDAPError(.connect, .stream(.system(error)))
        }
        inner = pair.ours
        guard let handle = LDAPHandle(over: pair.theirs, largestMessage: Self.largestMessage) else {
            throw LDAPError(.connect, .unsendable)
        }
        self.handle = handle
    }

    /// While the other end of the pair is open: the goodbye is written to it, and goes no further.
    deinit { handle.close() }

    /// Says goodbye to the server, without waiting.
    func close() {
        handle.close()
        _ = try? moveOut()
        tls?.close()
        tls?.takeRecords(into: recordsOut)
        _ = try? socket.send(recordsOut)
    }

    /// Whether the server has neither said anything nor gone since the last answer.
    var isUsable: Bool { !hasEnded && socket.isSilent }

    // MARK: TLS

    /// Asks for TLS in the clear, and begins it (RFC 4511 section 4.14).
    func startTLS(with context: TLSClientContext, by deadline: Instant) throws(LDAPError) {
        let result = try perform(.startTLS, .extended, by: deadline) { $0.startTLS() }
        guard result.code == ResultCode.success else {
            throw LDAPError(.startTLS, .result(code: result.code, diagnostic: result.diagnostic))
        }
        // Whoever sits in between could have put an answer here that would count as the server's.
        guard plainIn.isEmpty, recordsIn.isEmpty, !handle.hasUnreadBytes else {
            throw LDAPError(.startTLS, .injected)
        }
        try beginTLS(with: context, by: deadline)
    }

    /// Completes the handshake; from then on nothing goes in the clear.
    func beginTLS(with context: TLSClientContext, by deadline: Instant) throws(LDAPError) {
        guard
            let session = TLSClientSession(
                to: server.host, isAddress: server.isAddress, with: context)
        else { throw LDAPError(.tls, .unsendable) }
        tls = session
        do throws(StreamError) {
            while true {
                let step = Result { () throws(StreamError) in try session.handshake() }
                session.takeRecords(into: recordsOut)
                try socket.send(recordsOut)
                if try step.get() { break }
                switch try socket.receive(into: recordsIn) {
                case .bytes: try session.give(recordsIn)
                case .end: throw .ended
                case .nothing:
                    let interest: BlockingSocket.Interest =
                        recordsOut.isEmpty ? .input : [.input, .room]
                    guard BlockingSocket.wait(for: [(socket, interest)], until: deadline) else {
                        throw .timedOut(.connect)
                    }
                }
            }
        } catch {
            throw LDAPError(.tls, .stream(error))
        }
    }

    // MARK: Requests

    /// Tries a password. Refused is a result, not an error.
    func bind(
        dn: ByteString,
        password: borrowing Span<UInt8>,
        as step: DirectoryStep,
        by deadline: Instant
    ) throws(LDAPError) -> LDAPResult {
        precondition(!dn.isEmpty && !password.isEmpty, "an anonymous bind proves nothing")
        guard let number = handle.bind(dn: dn, password: password) else {
            throw LDAPError(step, .unsendable)
        }
        return try result(of: number, step, .bind, by: deadline)
    }

    /// Who the server says we are; its code says whether it says so at all.
    func whoAmI(by deadline: Instant) throws(LDAPError) -> LDAPResult {
        try perform(.whoAmI, .extended, by: deadline) { $0.whoAmI() }
    }

    /// The entries, at most `search.limit`, and the result.
    func search(
        _ search: LDAPSearch,
        as step: DirectoryStep,
        by deadline: Instant
    ) throws(LDAPError) -> (entries: [LDAPEntry], result: LDAPResult) {
        let seconds = Int32(clamping: max(1, deadline.nanoseconds(since: .now) / 1_000_000_000))
        guard let number = handle.search(search, seconds: seconds) else {
            throw LDAPError(step, .unsendable)
        }
        var entries: [LDAPEntry] = []
        let result = try result(of: number, step, .search, by: deadline) { entry in
            guard entries.count < search.limit else { return false }
            entries.append(entry)
            return true
        }
        return (entries, result)
    }

    private func perform(
        _ step: DirectoryStep,
        _ kind: LDAPRequestKind,
        by deadline: Instant,
        _ send: (LDAPHandle) -> Int32?
    ) throws(LDAPError) -> LDAPResult {
        guard let number = send(handle) else { throw LDAPError(step, .unsendable) }
        return try result(of: number, step, kind, by: deadline)
    }

    /// Moves bytes until the answer is complete.
    ///
    /// - Parameter take: what is done with an entry; false if it is one too many.
    private func result(
        of number: Int32,
        _ step: DirectoryStep,
        _ kind: LDAPRequestKind,
        by deadline: Instant,
        _ take: (LDAPEntry) -> Bool = { _ in false }
    ) throws(LDAPError) -> LDAPResult {
        receivedCount = 0
        while true {
            try move(step)
            switch handle.next(number, kind) {
            case .result(let result) where result.code >= 0: return result
            case .entry(let entry): if !take(entry) { throw LDAPError(step, .notUnderstood) }
            case .reference: break
            case .result, .unexpected, .broken: throw LDAPError(step, .notUnderstood)
            case .nothing:
                if hasEnded { throw LDAPError(step, .lost) }
                guard waitForBytes(until: deadline) else { throw LDAPError(step, .timedOut) }
            }
            guard receivedCount <= Self.largestAnswer else {
                throw LDAPError(step, .notUnderstood)
            }
            guard deadline > .now else { throw LDAPError(step, .timedOut) }
        }
    }
}

/// Moving bytes between the handle and the network.
extension LDAPConnection {
    /// Moves what can be moved without waiting.
    private func move(_ step: DirectoryStep) throws(LDAPError) {
        do throws(StreamError) {
            try moveOut()
            try moveIn()
        } catch {
            throw LDAPError(step, .stream(error))
        }
    }

    private func moveOut() throws(StreamError) {
        while true {
            try socket.send(recordsOut)
            guard recordsOut.isEmpty else { return }
            recordsOut.clear()
            tls?.takeRecords(into: recordsOut)
            if !recordsOut.isEmpty { continue }
            plainOut.clear()
            guard case .bytes = try inner.receive(into: plainOut) else { return }
            try send(plainOut)
        }
    }

    private func send(_ plain: Buffer) throws(StreamError) {
        if let tls { try tls.send(plain) } else { recordsOut.append(plain.bytes) }
    }

    private func moveIn() throws(StreamError) {
        while !hasEnded {
            try inner.send(plainIn)
            guard plainIn.isEmpty else { return }
            plainIn.clear()
            guard try receivePlain() else { return }
        }
    }

    /// - Returns: false if nothing more has come.
    private func receivePlain() throws(StreamError) -> Bool {
        guard let tls else { return try note(socket.receive(into: plainIn)) }
        while true {
            switch try tls.receive(into: plainIn) {
            case .bytes: return true
            case .end: return try note(.end)
            case .nothing: break
            }
            guard try note(socket.receive(into: recordsIn)) else { return false }
            try tls.give(recordsIn)
        }
    }

    private func note(_ received: BlockingSocket.Received) throws(StreamError) -> Bool {
        switch received {
        case .bytes(let count):
            receivedCount += count
            return true
        case .nothing: return false
        case .end:
            hasEnded = true
            return false
        }
    }

    private func waitForBytes(until deadline: Instant) -> Bool {
        var interests: [(BlockingSocket, BlockingSocket.Interest)] = []
        interests.append((socket, recordsOut.isEmpty ? .input : [.input, .room]))
        if !plainIn.isEmpty { interests = [(inner, .room)] }
        return BlockingSocket.wait(for: interests, until: deadline)
    }
}
