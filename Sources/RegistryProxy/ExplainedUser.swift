import AccessControl
import Authentication
import Bytes
import DirectoryLDAP
import ProxyConfig

/// Whom `explain` is about: the user, with the groups that a login would bring from the directory.
struct ExplainedUser {
    let identity: Identity
    /// What the operator should know beside the answer, and from where.
    private(set) var note: (source: String, text: String)?

    enum Failure: Error {
        case wrong(Assembly.Problems)
        /// The directory does not answer; why.
        case unavailable(String)
    }

    /// Asks the directory, if a login of the user would be asked of it and a service account may.
    init(_ options: ExplainOptions, _ configuration: Configuration) throws(Failure) {
        let named = options.groups.map { GroupMembership(name: $0, source: .argument) }
        guard let user = options.user else {
            identity = .anonymous
            return
        }
        let given = Identity(user: user, groups: named, provider: nil)
        guard !options.isOffline, let settings = try Self.directory(for: user, configuration) else {
            identity = given
            note = Self.note(on: user, configuration)
            return
        }
        switch try Self.lookUp(user, in: settings) {
        case .user(let found):
            identity = Identity(
                user: found.name,
                groups: found.groups.map(\.membership) + named,
                provider: .ldap
            )
        case .unknownUser:
            identity = given
            note = ("directory", "does not know \(user)")
        case .refused(let refusal):
            identity = given
            note = ("directory", "would refuse the login: \(refusal.rawValue)")
        case .unavailable(let reason): throw .unavailable(reason)
        }
    }

    /// That nobody can log in under this name. `nil` also if the file cannot tell.
    private static func note(
        on user: ByteString,
        _ configuration: Configuration
    ) -> (source: String, text: String)? {
        guard let file = configuration.onlyUsersFile,
            let users = try? PasswordFile.load(path: file.path), !users.contains(user)
        else { return nil }
        return ("users", "\(file.path) has no user \(quoted(user))")
    }

    /// `nil`: there is none to ask.
    private static func directory(
        for user: ByteString,
        _ configuration: Configuration
    ) throws(Failure) -> DirectorySettings? {
        guard configuration.auth.ldap?.bindDN != nil else { return nil }
        do throws(Assembly.Problems) {
            let parts = try Assembly.loginParts(of: configuration)
            let before = configuration.auth.order.prefix { $0 != .ldap }
            // Whom the password file knows, the directory is never asked about.
            if before.contains(.htpasswd), parts.users?.mayKnow(user) == true { return nil }
            return parts.directory
        } catch {
            throw .wrong(error)
        }
    }

    private static func lookUp(
        _ user: ByteString,
        in settings: DirectorySettings
    ) throws(Failure) -> Directory.CheckOutcome {
        do {
            let directory = try Directory(settings) { _ in }
            guard directory.mayKnow(user) else { return .unknownUser }
            return directory.check(user, nil, progress: nil)
        } catch {
            throw .unavailable("\(error)")
        }
    }
}
