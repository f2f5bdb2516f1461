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

extension Configuration.Access {
    /// Rule tests that hold by accident: somebody may not do something as a member of a group that
    /// no rule names, but one of nearly that name.
    fileprivate func doubtsAboutTestedGroups(in policy: AccessPolicy) -> [ConfigurationError] {
        let named = policy.namedGroups
        let candidates = named.count <= 1000 ? named.map { "\($0)" }.sorted() : []
        return tests.enumerated().flatMap { index, test -> [ConfigurationError] in
            guard !test.expectsAllowed else { return [] }
            return test.identity.groups.compactMap { group in
                guard !AccessPolicy.isNamed(group.name, by: named),
                    let nearest = Spelling.nearest(to: "\(group.name)", among: candidates)
                else { return nil }
                return test.doubt(
                    index,
                    "no rule names the group \(quoted(group.name)) "
                        + "(did you mean \(quoted(nearest))?)"
                )
            }
        }
    }
}

extension RuleTest {
    fileprivate func doubt(_ index: Int, _ reason: String) -> ConfigurationError {
        ConfigurationError(
            at: position,
            key: "access.tests[\(index)]",
            message: "\(quoted(text)) says nothing about anybody: \(reason)"
        )
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
            let policy = access.policy
            return policy.lint(now: now, hasDirectory: hasDirectory).map {
                access.places.error(at: $0.place, $0.message)
            } + access.doubtsAboutTestedGroups(in: policy)
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
            return test.doubt(index, "no user \(quoted(user)) (\(hint))")
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
