import AccessControl
import Bytes
import Secrets

/// The providers and the key of the cache that belong together.
///
/// A changed provider comes with a new key: what was remembered under the old one can no longer be
/// found, also by a loop that has not heard of the change.
final class LoginGeneration: Sendable {
    let number: UInt64
    /// In the order in which they are asked.
    let providers: [any LoginProvider]
    private let key: SecretBytes

    init(number: UInt64, providers: [any LoginProvider]) throws(RandomnessError) {
        self.number = number
        self.providers = providers
        key = try .random(count: 32)
    }

    func makeHash() -> KeyedHash { KeyedHash(key: key) }

    /// The users of the password file; `nil` if there is none.
    var users: PasswordFile? { providers.lazy.compactMap { $0 as? PasswordFile }.first }

    /// The first provider from `start` on that has to be asked for `user`.
    ///
    /// One that cannot know the user is passed over, but never the last: it makes the answer take
    /// the time that an answer takes.
    /// - Returns: its position; `nil` if there is none from `start` on.
    func position(from start: Int, for user: ByteString) -> Int? {
        guard start < providers.count else { return nil }
        let last = providers.count - 1
        return (start...last).first { $0 == last || providers[$0].mayKnow(user) }
    }
}

extension KeyedHash {
    /// What a login is remembered under: user and password, never the stored hash. The key belongs
    /// to one order of providers, so what they say is told apart by it.
    func code(ofLogin user: borrowing Span<UInt8>, _ password: borrowing Span<UInt8>) -> Code32 {
        code(label: 1, user, password)
    }
}
