import AuditTrail
import Bytes
import DirectoryLDAP
import Glibc
import Logbook
import ProxyConfig
import ProxyServer
import Secrets

// The audit trail of a configuration: checked by everybody who reads one, opened by `serve` alone.

extension Configuration.Audit {
    /// What is wrong with the places that the trail names, as far as it can be seen without making
    /// anything.
    var problems: [ConfigurationError] {
        var errors: [ConfigurationError] = []
        if !LogWriter.mayAppend(to: path.path) {
            errors.append(
                path.error("\(path.path): cannot be written (a file or a folder that can)"))
        }
        guard let secret = signingKeyFile else { return errors }
        do throws(KeyProblem) {
            let key = try secret.signingKey()
            if key == nil, let path = secret.path, !LogWriter.mayAppend(to: path) {
                let allowed = "a key, or a folder where one can be made"
                errors.append(secret.error("is not there (\(allowed))"))
            }
        } catch {
            errors.append(secret.error(error.reason))
        }
        return errors
    }

    /// Opens the trail, and makes its key if there is none yet.
    ///
    /// - Parameter company: who else writes to it.
    func open(
        operatorLog: OperatorLog,
        company: AuditTrail.Company
    ) throws -> AuditDesk {
        var settings = AuditTrail.Settings(path: path.path, node: .nameOfThisMachine)
        settings.rotateSize = rotateSize.bytes
        settings.rotateAge = rotateAge.nanoseconds
        settings.keep = keep
        settings.compresses = compress
        settings.checkpointInterval = checkpoint
        settings.company = company
        settings.signingKey = try signingKeyFile?.signingKeyMade(operatorLog)
        let trail = try AuditTrail(settings, operatorLog: operatorLog)
        return AuditDesk(trail, node: settings.node)
    }
}

/// Why a file gives no key to sign with.
private struct KeyProblem: Error {
    let reason: String
}

extension SecretReference {
    /// - Returns: `nil` if there is no such file.
    fileprivate func signingKey() throws(KeyProblem) -> SigningKey? {
        let pem: SecretBytes
        do throws(SecretFileError) {
            pem = try read()
        } catch .system(_, ENOENT) {
            return nil
        } catch {
            throw KeyProblem(reason: error.description)
        }
        do throws(SigningKeyError) {
            return try SigningKey(pem: pem)
        } catch {
            throw KeyProblem(reason: error.description)
        }
    }

    /// As `signingKey`, but makes the file, mode 0600, if it is not there.
    fileprivate func signingKeyMade(_ log: OperatorLog) throws -> SigningKey? {
        if let key = try signingKey() { return key }
        guard let path else { return nil }
        let fresh = try SigningKey.makePEM()
        try SecretFile.update(path: path, limit: 64 * 1024) { $0 == nil ? fresh : nil }
        log.log(
            .info,
            "audit.key_made",
            "a key was made that signs the audit trail's checkpoints",
            [("path", .string(path))]
        )
        return try signingKey()
    }
}

extension ByteString {
    /// The host name, by which records of several machines are told apart.
    fileprivate static var nameOfThisMachine: ByteString {
        let path = "/proc/sys/kernel/hostname"
        let name = (try? AuditFile.contents(of: path, limit: 256)) ?? []
        return ByteString(name.filter { $0 > 0x20 })
    }
}

extension AuditDesk {
    /// Records what happens to a directory.
    func note(_ event: DirectoryEvent) {
        switch event {
        case .down(let server, let reason):
            note(AuditRecord(.ldapDown, .failed, notes: [server, reason]))
        case .up(let server): note(AuditRecord(.ldapUp, notes: [server]))
        case .serviceRefused, .undecided, .refused: break
        }
    }

    /// Records that a configuration is in force.
    func noteLoaded(generation: Int, changes: [String]) {
        var record = AuditRecord(.configLoaded, notes: changes)
        record.why.generation = generation
        note(record)
    }

    /// Records that a configuration was refused, and that the one before stays in force.
    func noteRefused(generation: Int, errors: [String]) {
        var record = AuditRecord(.configRefused, .failed, notes: errors)
        record.why.generation = generation
        note(record)
    }
}

extension AuditRecord {
    fileprivate init(_ event: Event, _ outcome: Outcome = .done, notes: [String]) {
        self.init(event, outcome)
        self.notes = notes
    }
}
