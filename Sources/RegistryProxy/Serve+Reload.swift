import AccessControl
import Authentication
import Bytes
import Logbook
import NetIO
import ProxyConfig
import ProxyServer

/// Reading everything again: all of it is taken up, or nothing (product.md section 8).
extension Serve {
    /// Reads the configuration and what it names; if all is well puts it in force, else says why
    /// not and leaves everything as it is. What runs is not touched either way.
    mutating func reload() {
        manager?.tell(.reloading)
        defer { manager?.tell(.ready) }
        do throws(Assembly.Problems) {
            let candidate = try read()
            let changes = changes(in: candidate)
            server.use(try makeGeneration(candidate))
            configuration = candidate.configuration
            files.accept(candidate)
            log.level = .init(configuration.log.level)
            log.log(
                .info,
                "config.reloaded",
                "the configuration was read again and is in force",
                [
                    ("generation", .int(server.generation.number)),
                    ("changes", .stringArray(changes)),
                ]
            )
            audit?.noteLoaded(generation: server.generation.number, changes: changes)
            Self.tell(of: candidate.warnings, log)
            warnOfExpiry()
            warnOfKeyInMemory()
        } catch {
            server.noteRefusedReload()
            let errors = Self.bounded(error.all.map(\.description))
            audit?.noteRefused(generation: server.generation.number, errors: errors)
            log.log(
                .error,
                "config.refused",
                "what was in force stays in force",
                [("errors", .stringArray(errors))]
            )
        }
    }

    /// Everything that can be wrong is found here, rule tests included, before anything changes.
    private mutating func read() throws(Assembly.Problems) -> ConfigurationFiles.Candidate {
        let candidate = try files.readAllMakingKeys()
        let fixed = configuration.changesThatNeedRestart(to: candidate.configuration)
        guard fixed.isEmpty else { throw Assembly.Problems(all: fixed) }
        return candidate
    }

    private func makeGeneration(
        _ candidate: ConfigurationFiles.Candidate
    ) throws(Assembly.Problems) -> Generation {
        do {
            return try candidate.assembly.makeGeneration(
                after: server.generation,
                operatorLog: log,
                audit: audit
            )
        } catch {
            let position = SourcePosition(file: files.path, line: 1, column: 1)
            let problem = ConfigurationError(at: position, key: "", message: "\(error)")
            throw Assembly.Problems(all: [problem])
        }
    }

    /// What is otherwise from now on, in words: what was written, then what it means for whom.
    private func changes(in candidate: ConfigurationFiles.Candidate) -> [String] {
        Self.bounded(candidate.configuration.changes(from: configuration))
            + files.rewritten(in: candidate).map { "\($0) was written anew" }
            + userChanges(in: candidate)
            + rightsChanges(in: candidate)
    }

    private func userChanges(in candidate: ConfigurationFiles.Candidate) -> [String] {
        let users = PasswordFile.changes(
            from: server.generation.logins?.users,
            to: candidate.assembly.users
        )
        return [
            ("users added", users.added), ("users removed", users.removed),
            ("users with another password", users.changed),
        ]
        .filter { !$0.1.isEmpty }
        .map { "\($0): \(Self.bounded($1.map(\.description)).joined(separator: ", "))" }
    }

    /// Who gains and who loses what.
    private func rightsChanges(in candidate: ConfigurationFiles.Candidate) -> [String] {
        let comparison = PolicyComparison(
            server.generation.settings.policy,
            candidate.assembly.settings.policy,
            effort: .quick
        )
        let more = "there may be more gains and losses: `registry-proxy access diff` looks longer"
        return Self.bounded(comparison.changes.map(\.description))
            + (comparison.isIncomplete ? [more] : [])
    }

    /// What is right and perhaps not meant. `check` says it too, but not everybody asks; doubts
    /// about the rules themselves are left to it, since finding them takes long where there are
    /// many.
    static func tell(of warnings: [ConfigurationError], _ log: OperatorLog) {
        guard !warnings.isEmpty else { return }
        log.log(
            .warning,
            "config.warnings",
            "the configuration is right, and perhaps not what was meant",
            [("warnings", .stringArray(bounded(warnings.map(\.description))))]
        )
    }

    /// The first hundred, and how many more there are.
    private static func bounded(_ lines: [String]) -> [String] {
        let most = 100
        return lines.count <= most
            ? lines : lines.prefix(most) + ["and \(lines.count - most) more"]
    }
}

/// Certificates that nobody has renewed.
extension Serve {
    /// One event for each listener's certificate that expires within 21 days.
    func warnOfExpiry() {
        for (url, seconds) in server.certificateExpiries {
            let expiry = Expiry(seconds)
            guard expiry.isNear else { continue }
            log.log(
                .warning,
                "certificate.expires",
                "the certificate \(expiry)",
                [
                    ("listener", .string(url)), ("expires", .string(expiry.date)),
                    ("days", .int(expiry.days)),
                ]
            )
        }
    }
}

extension Serve {
    /// Tokens that end with the process, and that no other instance takes.
    func warnOfKeyInMemory() {
        let token = configuration.auth.token
        guard configuration.challengesForTokens, token.keyFile == nil else { return }
        log.log(
            .warning,
            "token.key_in_memory",
            "tokens end with this process (auth.token.key_file keeps their key)"
        )
    }
}

extension Configuration {
    /// What differs in `new` and cannot be changed while the proxy runs.
    fileprivate func changesThatNeedRestart(to new: Configuration) -> [ConfigurationError] {
        var errors: [ConfigurationError] = []
        func refuse(_ position: SourcePosition, _ key: String, _ wrong: String) {
            let message = "\(wrong) (restart the proxy to change it)"
            errors.append(ConfigurationError(at: position, key: key, message: message))
        }
        for (index, listener) in new.listen.enumerated() {
            let key = "listen[\(index)].address"
            guard index < listen.count else {
                refuse(listener.position, key, "\(listener.address) is not listened on")
                continue
            }
            if listener.address != listen[index].address {
                refuse(listener.position, key, "was \(listen[index].address) at the start")
            }
        }
        if new.listen.count < listen.count, let last = new.listen.last {
            refuse(last.position, "listen", "there were \(listen.count) listeners at the start")
        }
        if new.admin?.address != admin?.address {
            let position = new.admin?.position ?? SourcePosition(file: file, line: 1, column: 1)
            let before = admin.map { "was \($0.address)" } ?? "was absent"
            refuse(position, "admin.address", "\(before) at the start")
        }
        if new.log.audit?.fixed != log.audit?.fixed {
            let position =
                new.log.audit?.path.position ?? SourcePosition(file: file, line: 1, column: 1)
            refuse(position, "log.audit", "differs from what it was at the start")
        }
        return errors
    }
}

extension Configuration.Audit {
    /// All of it, wherever it is written.
    fileprivate var fixed: [String] {
        [
            path.path, sync.rawValue, "\(rotateSize.bytes)", "\(rotateAge.nanoseconds)", "\(keep)",
            "\(compress)", "\(checkpoint)", signingKeyFile?.text ?? "",
        ]
    }
}
