import Authentication
import Bytes
import DirectoryLDAP
import NetIO
import ProxyConfig
import Secrets

/// Does what `registry-proxy ldap-check` was asked to.
///
/// - Returns: 0 the login is right, 1 it is not, 3 the configuration is wrong, 4 nobody answered.
func runDirectoryCheck(_ options: DirectoryCheckOptions) -> Int32 {
    let report = ConfigurationReader.read(file: options.configuration)
    guard let configuration = report.configuration else { return reportErrors(report.errors) }
    do throws(Assembly.Problems) {
        let assembly = try Assembly(configuration)
        guard let settings = assembly.directory else {
            let text = "registry-proxy: \(options.configuration): there is no auth.ldap\n"
            return CommandOutcome(.wrongConfiguration, standardError: text).emit()
        }
        let check = DirectoryCheck(options: options, settings: settings, passwords: .real)
        return check.run().emit()
    } catch {
        return reportErrors(error.all)
    }
}

/// One login at the directory, step by step.
struct DirectoryCheck {
    let options: DirectoryCheckOptions
    let settings: DirectorySettings
    let passwords: PasswordInput

    func run() -> CommandOutcome {
        let password: SecretBytes?
        do throws(PasswordInputError) {
            password = try askedPassword()
        } catch {
            let text = "registry-proxy: \(error.description)\n"
            return CommandOutcome(error == .tooLong ? .no : .unavailable, standardError: text)
        }
        if let password, let problem = problem(with: password.bytes) {
            return CommandOutcome(.no, standardError: "registry-proxy: \(problem)\n")
        }
        do throws(BlockingPoolError) {
            return answer(try Directory(settings) { _ in }, password)
        } catch {
            return CommandOutcome(.unavailable, standardError: "registry-proxy: \(error)\n")
        }
    }

    private func askedPassword() throws(PasswordInputError) -> SecretBytes? {
        if options.asksForNoPassword { return nil }
        if options.readsStandardInput || !passwords.hasTerminal() {
            return try passwords.standardInput()
        }
        return try passwords.terminal("Password: ")
    }

    /// What would keep a login with it from ever reaching the directory (product.md section 4).
    private func problem(with password: Span<UInt8>) -> String? {
        if password.isEmpty { return "the password is empty, and an empty one is never right" }
        for index in 0..<password.count where password[index] < 0x20 || password[index] == 0x7F {
            return "the password contains a control character, and such a one is never right"
        }
        return nil
    }

    private func answer(_ directory: Directory, _ password: SecretBytes?) -> CommandOutcome {
        let steps = Locked("")
        let outcome = directory.check(ByteString(options.user), password) { progress in
            steps.withLock { $0 += Self.line(progress) }
        }
        let text = steps.withLock { $0 }
        switch outcome {
        case .user(let user):
            return CommandOutcome(standardOutput: text + Self.summary(user))
        case .unknownUser:
            return CommandOutcome(.no, standardOutput: text + "result    unknown user\n")
        case .refused(let refusal):
            let line = "result    refused: \(refusal.rawValue)\n"
            return CommandOutcome(.no, standardOutput: text + line)
        case .unavailable(let reason):
            return CommandOutcome(
                .unavailable,
                standardOutput: text,
                standardError: "registry-proxy: \(shown(reason))\n"
            )
        }
    }

    /// `search    uid=alice,…    1.2 ms`.
    private static func line(_ progress: DirectoryProgress) -> String {
        let tenths = progress.nanoseconds / 100_000
        let time = "\(tenths / 10).\(tenths % 10) ms"
        return "\(column(progress.step.label))\(shown(progress.detail))  (\(time))\n"
    }

    private static func summary(_ user: DirectoryUser) -> String {
        var text = column("dn") + shown(user.dn.description) + "\n"
        text += column("user") + shown(user.name.description) + "\n"
        for group in user.groups {
            let name = shown(group.name.description)
            text += column("group") + "\(name)  \(shown(group.dn.description))\n"
        }
        return text + column("result") + "right\n"
    }

    private static func column(_ name: String) -> String {
        name + String(repeating: " ", count: max(1, 14 - name.count))
    }
}

extension DirectoryStep {
    /// How the step is called in the output.
    fileprivate var label: String {
        switch self {
        case .resolve, .connect: "server"
        case .tls, .startTLS: "tls"
        case .serviceBind: "service bind"
        case .search: "search"
        case .bind: "bind"
        case .whoAmI: "who am i"
        case .entry: "entry"
        case .groups: "groups"
        }
    }
}

/// Without what could change a terminal.
private func shown(_ text: String) -> String { printable(text, cutAt: .max) }

extension Assembly {
    /// Connects to each server of the directory as a search would; for `check --probe`.
    static func directoryProblems(of configuration: Configuration) -> [ConfigurationError] {
        guard let section = configuration.auth.ldap, let assembly = try? Assembly(configuration),
            let settings = assembly.directory,
            let directory = try? Directory(settings, report: { _ in })
        else { return [] }
        return directory.probe().compactMap { server, problem in
            problem.map { problem in
                ConfigurationError(
                    at: section.position,
                    key: "auth.ldap.servers",
                    message: "\(server): \(shown(problem))"
                )
            }
        }
    }
}
