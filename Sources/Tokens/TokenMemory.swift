public import AccessControl
import Bytes
import Secrets

/// What one loop remembers of tokens that it has verified, so that a request with one of them
/// computes nothing and asks for no memory.
///
/// A token is found by all of its bytes. Which place it may have is told by its last eight
/// characters: they belong to a signature, so nobody can choose them for a token that gets in here.
/// Not `Sendable`: one for each loop.
public final class TokenMemory {
    public let signer: TokenSigner
    private var entries: [Entry?]

    /// A token that is remembered, and who it stood for at its last use.
    public final class Entry {
        public let token: BearerToken
        /// Whatever was found out about the token at an earlier use.
        public var note: TokenNote?
        fileprivate let text: [UInt8]

        fileprivate init(_ text: borrowing Span<UInt8>, _ token: BearerToken) {
            self.text = ByteString(copying: text).bytes
            self.token = token
        }

        /// The signature is compared first, in a time that tells nothing about it. Whoever has it
        /// has the token, so the rest may be compared in the ordinary way.
        fileprivate func isFor(_ other: borrowing Span<UInt8>) -> Bool {
            let other = copy other
            let text = text
            guard text.count == other.count else { return false }
            let start = max(0, text.count - TokenSigner.signatureCount)
            return text.span.extracting(start...).equalsInConstantTime(other.extracting(start...))
                && text.span.extracting(..<start).elementsEqual(other.extracting(..<start))
        }
    }

    public enum Finding {
        case good(Entry)
        /// Its one fault is that its time is over.
        case expired(BearerToken)
        case flawed(TokenFlaw)
    }

    /// Places that one token may have.
    private static let ways = 4

    /// - Parameter capacity: a power of two, at least four; in tokens.
    public init(_ authority: TokenAuthority, capacity: Int = 2048) {
        precondition(capacity >= Self.ways && capacity & (capacity - 1) == 0)
        signer = TokenSigner(authority)
        entries = Array(repeating: nil, count: capacity)
    }

    /// - Parameter now: seconds since 1970.
    public func lookup(_ text: borrowing Span<UInt8>, now: Int64) -> Finding {
        let start = place(of: text)
        for index in start..<start + Self.ways {
            guard let entry = entries[index], entry.isFor(text) else { continue }
            if now < entry.token.expiry { return .good(entry) }
            entries[index] = nil
            return .expired(entry.token)
        }
        return verify(text, start, now)
    }

    private func verify(_ text: borrowing Span<UInt8>, _ start: Int, _ now: Int64) -> Finding {
        let token: BearerToken
        do throws(TokenFlaw) {
            token = try signer.verify(text)
        } catch {
            return .flawed(error)
        }
        if now < token.issued - BearerToken.leeway { return .flawed(.early) }
        if now >= token.expiry { return .expired(token) }
        let entry = Entry(text, token)
        entries[freePlace(from: start)] = entry
        return .good(entry)
    }

    /// An empty place, or that of the token which expires first.
    private func freePlace(from start: Int) -> Int {
        var best = start
        for index in start..<start + Self.ways {
            guard let entry = entries[index] else { return index }
            if let other = entries[best], entry.token.expiry < other.token.expiry { best = index }
        }
        return best
    }

    /// The first of the places that a token may have.
    private func place(of text: borrowing Span<UInt8>) -> Int {
        let end = (copy text).extracting(max(0, text.count - 8)...)
        return Int(truncatingIfNeeded: end.mixedHash) & (entries.count - Self.ways)
    }
}

/// What has been found out about a token: good as long as nothing of `state` has changed.
public struct TokenNote: Sendable {
    public let state: TokenState
    /// Who it stands for.
    public let identity: Identity

    public init(state: TokenState, identity: Identity) {
        self.state = state
        self.identity = identity
    }
}

/// On what it depends whether a token counts, besides the time. Each number changes with what it
/// counts.
public struct TokenState: Sendable, Equatable {
    /// Of the rules and all other settings.
    public let generation: Int
    /// Of the users.
    public let users: UInt64
    /// Of the robot tokens.
    public let robots: UInt64

    public init(generation: Int, users: UInt64, robots: UInt64) {
        self.generation = generation
        self.users = users
        self.robots = robots
    }
}
