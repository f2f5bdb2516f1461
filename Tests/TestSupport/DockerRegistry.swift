// The real registry (Debian's docker-registry, the program of registry:2) on a free port.

import Foundation

/// A running docker-registry with storage of its own and deletes allowed.
public final class DockerRegistry: Sendable {
    /// How it is spoken to.
    public enum Kind: Sendable {
        case plain
        /// Paths of a chain and its key.
        case tls(certificate: String, key: String)
        case unix
    }

    /// 0 on a unix socket.
    public let port: Int
    private let kind: Kind
    private let directory: TemporaryDirectory
    private let program: BackgroundProgram

    /// As in `upstream.url`.
    public var url: String {
        switch kind {
        case .plain: "http://127.0.0.1:\(port)"
        case .tls: "https://127.0.0.1:\(port)"
        case .unix: "unix:\(directory.file("s"))"
        }
    }
    public var storage: String { directory.file("storage") }

    /// - Parameter user: who alone may use it; `nil`: everybody.
    public init(_ kind: Kind = .plain, user: TestUser? = nil) throws {
        self.kind = kind
        directory = try TemporaryDirectory("registry")
        let configuration = directory.file("registry.yml")
        if let user {
            try directory.write(PasswordLines.line(for: user) + "\n", to: "users")
        }
        var started: (BackgroundProgram, Int)?
        // docker-registry does not tell which port it got for 0, so a free one is looked for first;
        // when somebody else takes it meanwhile, the next one is tried.
        for _ in 0..<10 where started == nil {
            let port = try freePort()
            let text = Self.text(port, kind, directory, hasLogin: user != nil)
            try directory.write(text, to: "registry.yml")
            let program = try BackgroundProgram(["docker-registry", "serve", configuration])
            if try Self.answers(program, port, kind, directory) { started = (program, port) }
        }
        guard let (program, port) = started else {
            throw NeverCameTrue(description: "docker-registry did not start")
        }
        self.program = program
        self.port = port
    }

    public func stop() { program.stop() }

    /// Cuts everything, as a crash does.
    public func kill() throws {
        program.signal(9)
        _ = try program.waitForExit()
    }

    private static func answers(
        _ program: BackgroundProgram,
        _ port: Int,
        _ kind: Kind,
        _ directory: TemporaryDirectory
    ) throws -> Bool {
        try eventually("docker-registry answers or ends") { () -> Bool? in
            guard program.isRunning else { return false }
            switch kind {
            case .plain:
                guard let client = try? RawClient(port: port) else { return nil }
                let status = (try? client.request("GET", "/v2/"))?.status
                return status == 200 || status == 401 ? true : nil
            case .tls: return (try? Socket.connect(port: port)) == nil ? nil : true
            case .unix:
                return FileManager.default.fileExists(atPath: directory.file("s")) ? true : nil
            }
        }
    }

    private static func text(
        _ port: Int,
        _ kind: Kind,
        _ directory: TemporaryDirectory,
        hasLogin: Bool
    ) -> String {
        let login = """

            auth:
              htpasswd: { realm: inner, path: \(directory.file("users")) }
            """
        var address = "addr: 127.0.0.1:\(port)"
        switch kind {
        case .plain: break
        case .tls(let certificate, let key):
            address += "\n  tls: { certificate: \(certificate), key: \(key) }"
        case .unix: address = "net: unix\n  addr: \(directory.file("s"))"
        }
        return """
            version: 0.1
            log: { accesslog: { disabled: true }, level: error }
            storage:
              filesystem: { rootdirectory: \(directory.file("storage")) }
              cache: { blobdescriptor: inmemory }
              delete: { enabled: true }
              maintenance: { uploadpurging: { enabled: false } }
            http:
              \(address)
              secret: for-tests-only\(hasLogin ? login : "")
            """
    }
}
