import Authentication
import Bytes
import Secrets

/// Does what `registry-proxy user` was asked to, and prints the answer.
func runUser(_ options: UserOptions) -> Int32 {
    UserCommand(options: options, passwords: .real).run().emit()
}

/// Keeps an htpasswd file: set, remove, list, verify.
struct UserCommand {
    let options: UserOptions
    let passwords: PasswordInput

    func run() -> CommandOutcome {
        let name = ByteString(options.name ?? "")
        do throws(Failure) {
            switch options.action {
            case .set: return try set(name)
            case .remove: return try remove(name)
            case .list: return try list()
            case .verify: return try verify(name)
            }
        } catch {
            let text = "registry-proxy: \(error.message)\n"
            return CommandOutcome(error.code, standardError: text)
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

    private func set(_ name: ByteString) throws(Failure) -> CommandOutcome {
        let hash = try hash(of: newPassword())
        var isNew = false
        try update { (text) throws(Failure) in
            do throws(PasswordFileError) {
                isNew = try text.set(name, hash)
            } catch {
                throw Failure(.wrongUsage, error.message)
            }
        }
        let done = isNew ? "added" : "changed"
        return CommandOutcome(standardOutput: "\(options.file): user \(quoted(name)) \(done)\n")
    }

    private func remove(_ name: ByteString) throws(Failure) -> CommandOutcome {
        try update { (text) throws(Failure) in
            guard text.remove(name) else {
                throw Failure(.no, "\(options.file): no user \(quoted(name))")
            }
        }
        return CommandOutcome(standardOutput: "\(options.file): user \(quoted(name)) removed\n")
    }

    /// Also of a file that is refused: what is wrong with it goes to standard error.
    private func list() throws(Failure) -> CommandOutcome {
        do throws(SecretFileError) {
            let limit = PasswordFile.largestByteCount
            let bytes = try SecretFile.read(path: options.file, limit: limit)
            let listing = PasswordFileListing(parsing: bytes.bytes, named: options.file)
            return CommandOutcome(
                standardOutput: listing.users.map { "\($0)\n" }.joined(),
                standardError: listing.errors.map { "\($0)\n" }.joined()
            )
        } catch {
            throw Failure(.unavailable, "\(options.file): \(error)")
        }
    }

    private func verify(_ name: ByteString) throws(Failure) -> CommandOutcome {
        let file: PasswordFile
        do throws(PasswordFileErrors) {
            file = try PasswordFile.load(path: options.file)
        } catch {
            throw Failure(code(of: error), error.description)
        }
        let password = try ask { () throws(PasswordInputError) in
            try options.readsStandardInput
                ? passwords.standardInput() : passwords.terminal("Password: ")
        }
        switch file.verify(name, password.bytes) {
        case .right:
            return CommandOutcome(standardOutput: "the password of \(quoted(name)) is right\n")
        case .wrong: throw Failure(.no, "the password of \(quoted(name)) is wrong")
        case .unknownUser: throw Failure(.no, "\(options.file): no user \(quoted(name))")
        }
    }

    /// A file that cannot be read is unavailable; one that can be and is none is wrong.
    private func code(of errors: PasswordFileErrors) -> ExitCode {
        if case .file(.system)? = errors.all.first?.problem {
            .unavailable
        } else {
            .wrongConfiguration
        }
    }

    /// From the terminal it is asked for twice, since nobody sees what was typed.
    private func newPassword() throws(Failure) -> SecretBytes {
        try ask { () throws(PasswordInputError) in
            if options.readsStandardInput { return try passwords.standardInput() }
            return try passwords.terminal("New password: ")
        }
    }

    private func ask(
        _ question: () throws(PasswordInputError) -> SecretBytes
    ) throws(Failure) -> SecretBytes {
        do throws(PasswordInputError) {
            return try question()
        } catch {
            switch error {
            case .noTerminal, .unreadable: throw Failure(.unavailable, error.description)
            case .cancelled: throw Failure(.no, error.description)
            case .tooLong: throw Failure(.wrongUsage, error.description)
            }
        }
    }

    private func hash(of password: SecretBytes) throws(Failure) -> PasswordHash {
        if let problem = problem(with: password.bytes) { throw Failure(.wrongUsage, problem) }
        if !options.readsStandardInput {
            let again = try ask { () throws(PasswordInputError) in
                try passwords.terminal("The same again: ")
            }
            guard password.bytes.equalsInConstantTime(again.bytes) else {
                throw Failure(.wrongUsage, "the two passwords differ")
            }
        }
        do throws(RandomnessError) {
            if let hash = try PasswordHash.bcrypt(password.bytes) { return hash }
        } catch {
            throw Failure(.unavailable, error.description)
        }
        throw Failure(.wrongUsage, "the password cannot be hashed (1 to 72 bytes)")
    }

    /// What would keep the password from ever logging in (product.md section 4).
    private func problem(with password: Span<UInt8>) -> String? {
        if password.isEmpty { return "the password is empty (1 to 72 bytes)" }
        if password.count > 72 { return "the password has \(password.count) bytes (1 to 72)" }
        for index in 0..<password.count where password[index] < 0x20 || password[index] == 0x7F {
            return "the password contains a control character (none)"
        }
        return nil
    }

    /// Changes the file in one step; nothing happens to it if `edit` throws.
    private func update(
        _ edit: (inout PasswordFileText) throws(Failure) -> Void
    ) throws(Failure) {
        var failure: Failure?
        do throws(SecretFileError) {
            let limit = PasswordFile.largestByteCount
            try SecretFile.update(path: options.file, limit: limit) { old in
                let empty: [UInt8] = []
                var text = old.map { PasswordFileText($0.bytes) } ?? PasswordFileText(empty.span)
                do throws(Failure) {
                    try edit(&text)
                    return text.contents
                } catch {
                    failure = error
                    return nil
                }
            }
        } catch {
            throw Failure(.unavailable, "\(options.file): \(error)")
        }
        if let failure { throw failure }
    }
}
