public import AccessControl
public import Bytes

// What can be found out about access rules once they can decide.

extension Configuration.Access {
    /// The rule tests that do not hold, each at its line: a configuration with one is refused.
    ///
    /// - Parameter policy: this section's own.
    public func failingTests(of policy: AccessPolicy) -> [ConfigurationError] {
        policy.failures(of: tests).map { failure in
            ConfigurationError(
                at: failure.test.position,
                key: "access.tests[\(failure.index)]",
                message: "\(quoted("\(failure.test.text)")) \(failure.message)"
            )
        }
    }
}

extension Configuration {
    /// Whether a 401 asks for a token: with a password alone, clients could not mix what needs a
    /// login and what needs none.
    public var challengesForTokens: Bool {
        switch auth.challenge {
        case .basic: false
        case .bearer: true
        case .auto:
            access.rules.contains { rule in
                rule.who.contains { $0 == .anyone || $0 == .anonymous }
            }
        }
    }

    /// What the rules, the live and the shadow ones, allow to be written and probably do not mean;
    /// for `check`. Compiles them.
    public func doubtsAboutRules(now: Moment) -> [ConfigurationError] {
        [access, shadow].compactMap(\.self).flatMap { access in
            access.policy.lint(now: now, hasDirectory: hasDirectory).map {
                access.places.error(at: $0.place, $0.message)
            }
        }
    }

    /// Users whom the rules and their tests name and who are not among `known`; for `check`, where
    /// nobody else can log in. `policy` is `access.policy`: it is compiled only once.
    public func doubtsAboutUsers(
        known: [ByteString],
        in policy: AccessPolicy
    ) -> [ConfigurationError] {
        let users = Set(known)
        // Which of many is meant would take long to find.
        let candidates = known.count <= 1000 ? known.map { "\($0)" } : []
        func hint(_ name: String) -> String? {
            Spelling.nearest(to: name, among: candidates).map { "did you mean \(quoted($0))?" }
        }
        let named = policy.namedUsers.filter { !users.contains($0.user) }.map { named in
            let name = "\(named.user)"
            return access.places.error(
                at: named.place,
                "no user \(quoted(name)), and only the users' file has users "
                    + "(\(hint(name) ?? "a name of auth.htpasswd.file"))"
            )
        }
        // That a stranger may not do something is a fair thing to say; of a name that is nearly
        // somebody's it holds by accident.
        let tested = access.tests.enumerated().compactMap { index, test -> ConfigurationError? in
            guard let user = test.identity.user, !users.contains(user), !test.expectsAllowed,
                let hint = hint("\(user)")
            else { return nil }
            return ConfigurationError(
                at: test.position,
                key: "access.tests[\(index)]",
                message: "\(quoted(test.text)) says nothing about anybody: no user "
                    + "\(quoted(user)) (\(hint))"
            )
        }
        return named + tested
    }

    /// The users' file, if whoever can log in stands there: a directory or a certificate would know
    /// others.
    public var onlyUsersFile: FileReference? {
        auth.ldap == nil && auth.clientCertificates == nil ? auth.htpasswd?.file : nil
    }

    /// Whether groups may exist that are not in the file.
    private var hasDirectory: Bool { auth.ldap != nil }
}
