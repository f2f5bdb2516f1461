// The real registry (Debian's docker-registry, the program of registry:2) on a free port.

/// A running docker-registry with storage of its own and deletes allowed.
public final class DockerRegistry: Sendable {
    public let port: Int
    private let directory: TemporaryDirectory
    private let program: BackgroundProgram

    public var url: String { "http://127.0.0.1:\(port)" }
    public var storage: String { directory.file("storage") }

    public init() throws {
        directory = try TemporaryDirectory("registry")
        let configuration = directory.file("registry.yml")
        var started: (BackgroundProgram, Int)?
        // docker-registry does not tell which port it got for 0, so a free one is looked for first;
        // when somebody else takes it meanwhile, the next one is tried.
        for _ in 0..<10 where started == nil {
            let port = try freePort()
            try directory.write(Self.text(port, directory.file("storage")), to: "registry.yml")
            let program = try BackgroundProgram(["docker-registry", "serve", configuration])
            if try Self.answers(program, port) { started = (program, port) }
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

    private static func answers(_ program: BackgroundProgram, _ port: Int) throws -> Bool {
        try eventually("docker-registry answers or ends") { () -> Bool? in
            guard program.isRunning else { return false }
            guard let client = try? RawClient(port: port) else { return nil }
            return (try? client.request("GET", "/v2/"))?.status == 200 ? true : nil
        }
    }

    private static func text(_ port: Int, _ storage: String) -> String {
        """
        version: 0.1
        log: { accesslog: { disabled: true }, level: error }
        storage:
          filesystem: { rootdirectory: \(storage) }
          cache: { blobdescriptor: inmemory }
          delete: { enabled: true }
          maintenance: { uploadpurging: { enabled: false } }
        http:
          addr: 127.0.0.1:\(port)
          secret: for-tests-only
        """
    }
}
