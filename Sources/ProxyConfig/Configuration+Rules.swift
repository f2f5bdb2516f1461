public import AccessControl

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
    /// What the rules allow to be written and probably do not mean; for `check`. Compiles them.
    public func doubtsAboutRules(now: Moment) -> [ConfigurationError] {
        access.policy.lint(now: now, hasDirectory: hasDirectory).map {
            access.places.error(at: $0.place, $0.message)
        }
    }

    /// Whether groups may exist that are not in the file.
    private var hasDirectory: Bool { auth.ldap != nil }
}
