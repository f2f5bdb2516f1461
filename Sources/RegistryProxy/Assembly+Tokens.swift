import AccessControl
import Authentication
import Bytes
import NetIO
import ProxyConfig
import ProxyServer
import Secrets
import Tokens

/// What the configuration says about tokens, with the keys that were read.
struct TokenSettings {
    /// `nil`: a key in memory, or one that is still to be made.
    let keys: TokenKeyRing?
    /// Is to be made before there are tokens.
    let missingKeyFile: SecretReference?
    let service: ByteString
    /// In seconds.
    let lifetime: Int64
    /// Whether a 401 asks for a token.
    let challenges: Bool
    let robots: FileReference?
    /// How long an owner's groups are believed.
    let ownerLifetime: Duration

    init(_ configuration: Configuration, _ reading: inout FileReading) {
        let token = configuration.auth.token
        (keys, missingKeyFile) = reading.tokenKeys(token.keyFile)
        service = ByteString(token.service)
        lifetime = token.lifetime.nanoseconds / 1_000_000_000
        challenges = configuration.challengesForTokens
        robots = configuration.auth.robots?.file
        ownerLifetime = .nanoseconds(configuration.auth.cache.ldapLifetime.nanoseconds)
        if let robots { reading.robots(robots) }
        if challenges, token.keyFile == nil {
            reading.warnings.append(configuration.warningOfKeyInMemory)
        }
    }

    /// Makes the file of keys that is missing.
    ///
    /// - Returns: whether there was one to make: then everything has to be read again.
    func makeMissingKeys() throws(Assembly.Problems) -> Bool {
        guard let missing = missingKeyFile, let path = missing.path else { return false }
        do {
            try SecretFile.create(path: path, try TokenKeyRing.newFile())
            return true
        } catch {
            throw Assembly.Problems(all: [missing.error("\(error)")])
        }
    }

    /// What is the same as before goes on: a key in memory, what is known about robot tokens.
    ///
    /// - Parameter tell: hears of what the command line does to robot tokens.
    func makeService(
        after previous: TokenService?,
        tell: @escaping @Sendable (RobotChange) -> Void
    ) throws -> TokenService {
        let authority = TokenAuthority(
            keys: try keys ?? previous?.authority.keys ?? .random(),
            service: service,
            lifetime: lifetime
        )
        var store: RobotStore?
        var watch: RobotWatch?
        if let robots {
            if let before = previous?.robots, before.path == robots.path {
                (store, watch) = (before, previous?.watch)
            } else {
                let new = try RobotStore(path: robots.path, tell: tell)
                (store, watch) = (new, try RobotWatch(new))
            }
        }
        return TokenService(
            authority,
            challenges: challenges,
            robots: store,
            watch: watch,
            owners: try owners(after: previous?.owners)
        )
    }

    private func owners(after previous: OwnerDesk?) throws -> OwnerDesk {
        if let previous, previous.lifetime == ownerLifetime { return previous }
        let pool = try BlockingPool(name: "token owners", threadCount: 2, queueLimit: 256)
        return OwnerDesk(pool: pool, lifetime: ownerLifetime)
    }
}

extension Configuration {
    fileprivate static let keyInMemory =
        "is absent: tokens end with the process and no other instance takes them (a path)"

    var warningOfKeyInMemory: ConfigurationError {
        ConfigurationError(
            at: SourcePosition(file: file, line: 1, column: 1),
            key: "auth.token.key_file",
            message: Self.keyInMemory
        )
    }
}

extension FileReading {
    fileprivate mutating func tokenKeys(
        _ secret: SecretReference?
    ) -> (TokenKeyRing?, missing: SecretReference?) {
        guard let secret else { return (nil, nil) }
        let text: SecretBytes
        do throws(SecretFileError) {
            text = try secret.read(limit: TokenKeyRing.largestByteCount)
        } catch {
            if error.isAbsence { return (nil, secret) }
            errors.append(secret.error("\(error)"))
            return (nil, nil)
        }
        do throws(TokenKeyError) {
            return (try TokenKeyRing(parsing: text.bytes), nil)
        } catch {
            errors.append(secret.error("\(error)"))
            return (nil, nil)
        }
    }

    fileprivate mutating func robots(_ file: FileReference) {
        do {
            for line in try RobotStore.tornLines(path: file.path) {
                let message = "\(file.path): line \(line) is no JSON and does not count"
                warnings.append(file.error("\(message) (what a crash may leave)"))
            }
        } catch {
            errors.append(file.error("\(file.path): \(error)"))
        }
    }
}
