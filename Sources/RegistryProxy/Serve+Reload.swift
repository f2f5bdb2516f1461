import AccessControl
import Logbook
import ProxyConfig
import ProxyServer

/// Reading everything again: all of it is taken up, or nothing (product.md section 8).
extension Serve {
    /// Reads the configuration and what it names; if all is well puts it in force, else says why
    /// not and leaves everything as it is. What runs is not touched either way.
    mutating func reload() {
        do throws(Refusal) {
            let next = try read()
            let generation = try makeGeneration(next.assembly)
            server.use(generation)
            configuration = next.configuration
            log.level = .init(configuration.log.level)
            log.log(
                .info,
                "config.reloaded",
                "the configuration was read again and is in force",
                [("generation", .int(generation.number)), ("changes", .stringArray([]))]
            )
        } catch {
            server.noteRefusedReload()
            log.log(
                .error,
                "config.refused",
                "what was in use stays in use",
                [("errors", .stringArray(error.reasons))]
            )
        }
    }

    /// Why nothing changes.
    private struct Refusal: Error {
        let reasons: [String]
    }

    /// Everything that can be wrong is found here, before anything changes.
    private func read() throws(Refusal) -> (configuration: Configuration, assembly: Assembly) {
        let report = ConfigurationReader.read(file: configuration.file)
        guard let new = report.configuration else {
            throw Refusal(reasons: report.errors.map(\.description))
        }
        let fixed = configuration.changesThatNeedRestart(to: new)
        guard fixed.isEmpty else { throw Refusal(reasons: fixed.map(\.description)) }
        do throws(Assembly.Problems) {
            return (new, try Assembly(new))
        } catch {
            throw Refusal(reasons: error.all.map(\.description))
        }
    }

    private func makeGeneration(_ assembly: Assembly) throws(Refusal) -> Generation {
        do {
            return try assembly.makeGeneration(after: server.generation)
        } catch {
            throw Refusal(reasons: ["\(error)"])
        }
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
        let destination = LogWriter.Destination(log.access.path)
        if LogWriter.Destination(new.log.access.path) != destination
            || new.log.access.format != log.access.format
        {
            let position = SourcePosition(file: file, line: 1, column: 1)
            refuse(position, "log.access", "differs from that of the start")
        }
        return errors
    }
}
