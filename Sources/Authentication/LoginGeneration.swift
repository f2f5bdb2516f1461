import Bytes
import Secrets

/// The users' file and the key of the cache that belong together.
///
/// A changed file comes with a new key: what was remembered under the old one can no longer be
/// found, also by a loop that has not heard of the change.
final class LoginGeneration: Sendable {
    let number: UInt64
    let users: PasswordFile
    private let key: SecretBytes

    init(number: UInt64, users: PasswordFile) throws(RandomnessError) {
        self.number = number
        self.users = users
        key = try .random(count: 32)
    }

    func makeHash() -> KeyedHash { KeyedHash(key: key) }
}

extension KeyedHash {
    /// What a login is remembered under: provider, user and password, never the stored hash.
    func code(ofLogin user: borrowing Span<UInt8>, _ password: borrowing Span<UInt8>) -> Code32 {
        code(label: 1, user, password)
    }
}
