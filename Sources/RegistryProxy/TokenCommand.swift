import AccessControl
import Authentication
import Bytes
import DirectoryLDAP
import Logbook
import ProxyConfig
import Secrets
import Tokens

/// Does what `registry-proxy token` was asked to, and prints the answer.
func runToken(_ options: TokenOptions) -> Int32 {
    let report = ConfigurationReader.read(file: options.configuration)
    guard let configuration = report.configuration else { return reportErrors(report.errors) }
    do throws(Assembly.Problems) {
        let assembly = try Assembly(configuration)
        let now = Moment(secondsSince1970: WallTime.now.nanoseconds / 1_000_000_000)
        return TokenCommand(options: options, assembly: assembly, now: now).run().emit()
    } catch {
        return reportErrors(error.all)
    }
}

/// Makes, lists and revokes robot tokens in the file that the proxies share.
struct TokenCommand {
    let options: TokenOptions
    let assembly: Assembly
    let now: Moment

    func run() -> CommandOutcome {
        do throws(Failure) {
            let store = try openStore()
            switch options.action {
            case .mint(let wish): return try mint(wish, in: store)
            case .list(let owner): return try list(of: owner, in: store)
            case .revoke(let id): return try revoke(id, in: store)
            }
        } catch {
            return CommandOutcome(error.code, standardError: "registry-proxy: \(error.message)\n")
        }
    }

    private struct Failure: Error {
        let code: ExitCode
        let message: String

        init(_ code: ExitCode, _ message: String) {
            self.code = code
            self.message = message
        }
    }

    private func openStore() throws(Failure) -> RobotStore {
        guard let file = assembly.tokens.robots else {
            let message = "\(options.configuration): auth.robots.file is not set"
            throw Failure(.wrongConfiguration, message)
        }
        do {
            return try RobotStore(path: file.path)
        } catch {
            throw Failure(.unavailable, "\(error)")
        }
    }

    private func mint(_ wish: TokenWish, in store: RobotStore) throws(Failure) -> CommandOutcome {
        let order: RobotOrder
        do throws(RobotOrderError) {
            order = try RobotOrder(
                name: wish.name,
                actions: wish.actions,
                repositories: wish.repositories,
                tags: wish.tags,
                networks: wish.networks,
                expires: wish.expires,
                now: now
            )
        } catch {
            throw Failure(.wrongUsage, "--\(error)")
        }
        let owner = try find(wish.owner)
        let made = try attempt { () throws(RobotFileError) in
            try store.mint(order, owner: owner, by: RobotStore.commandLine, now: now)
        }
        let secret = ByteString(copying: made.secret.text.bytes)
        guard options.isJSON else {
            let note = "token \(made.robot.id) of \(shown(owner)), good until \(order.expiry)\n"
            return CommandOutcome(standardOutput: "\(secret)\n", standardError: note)
        }
        var json = JSONWriter()
        json.begin("{")
        json.member("id", made.robot.id)
        json.member("token", secret)
        json.member("expires", ByteString(order.expiry.description))
        json.end("}")
        return CommandOutcome(standardOutput: "\(ByteString(json.bytes))\n")
    }

    /// The owner as the users' place spells the name.
    private func find(_ owner: ByteString) throws(Failure) -> ByteString {
        let (verdict, canLookUp) = lookUp(owner)
        switch verdict {
        case .identity(let identity): return identity.user ?? owner
        case .undecidable: throw Failure(.unavailable, "the directory does not answer")
        case .unknownUser, .wrongPassword:
            let why = canLookUp ? "" : " (the directory needs auth.ldap.bind_dn for that)"
            throw Failure(.no, "there is no user \(shown(owner))\(why)")
        }
    }

    /// - Returns: what was found, and whether everybody could be asked.
    private func lookUp(_ owner: ByteString) -> (LoginVerdict, canLookUp: Bool) {
        var canLookUp = true
        for source in assembly.order {
            var place: (any UserLookup)?
            switch source {
            case .clientCertificates: break
            case .htpasswd: place = assembly.users
            case .ldap:
                place = assembly.directory.flatMap { try? Directory($0) { _ in } }
            }
            guard let place, place.mayKnow(owner) else { continue }
            guard place.canLookUp else {
                canLookUp = false
                continue
            }
            let verdict = place.lookUp(owner)
            if verdict != .unknownUser { return (verdict, canLookUp) }
        }
        return (.unknownUser, canLookUp)
    }

    private func list(
        of owner: ByteString?,
        in store: RobotStore
    ) throws(Failure) -> CommandOutcome {
        let robots = try attempt { () throws(RobotFileError) in try store.all(of: owner) }
        guard options.isJSON else {
            return CommandOutcome(standardOutput: robots.map(line).joined())
        }
        var json = JSONWriter()
        json.begin("{")
        json.key("tokens")
        json.list(robots) { json, robot in robot.write(to: &json, at: now) }
        json.end("}")
        return CommandOutcome(standardOutput: "\(ByteString(json.bytes))\n")
    }

    /// `0123456789abcdef  ann  "ci"  push on team/**  until 2027-06-30T23:59:59Z  used never`.
    private func line(_ robot: Robot) -> String {
        let order = robot.order
        let actions = order.actions.words.joined(separator: ",")
        let repositories = patterns(order.repositories.map(\.text))
        var parts = [
            shown(robot.id), shown(robot.owner), shown(order.name), "\(actions) on \(repositories)",
        ]
        if let tags = order.tags {
            parts.append("tags " + patterns(tags.map(\.text)))
        }
        if !order.networks.isEmpty {
            parts.append("from " + order.networks.map(\.description).joined(separator: ","))
        }
        parts.append("\(robot.hasExpired(at: now) ? "expired" : "until") \(order.expiry)")
        parts.append("used \(robot.lastUse?.description ?? "never")")
        return parts.joined(separator: "  ") + "\n"
    }

    private func revoke(_ id: ByteString, in store: RobotStore) throws(Failure) -> CommandOutcome {
        _ = try attempt { () throws(RobotFileError) in
            try store.revoke(id, of: nil, by: RobotStore.commandLine, now: now)
        }
        return CommandOutcome(standardOutput: "token \(shown(id)) revoked\n")
    }

    private func attempt<Value>(
        _ body: () throws(RobotFileError) -> Value
    ) throws(Failure) -> Value {
        do throws(RobotFileError) {
            return try body()
        } catch {
            switch error {
            case .unknownToken, .tooMany: throw Failure(.no, "\(error)")
            case .file, .unknownLine, .noRandomness, .busy: throw Failure(.unavailable, "\(error)")
            }
        }
    }

    /// Safe for a terminal.
    private func patterns(_ texts: [ByteString]) -> String {
        texts.map { printable($0.description, cutAt: .max) }.joined(separator: ",")
    }

    /// Safe for a terminal; between quotes unless it is one plain word.
    private func shown(_ text: ByteString) -> String {
        let isPlain = text.bytes.allSatisfy {
            $0.isASCIILetter || $0.isASCIIDigit || "-_.@".utf8.contains($0)
        }
        return isPlain ? text.description : quoted(text, cutAt: .max)
    }
}
