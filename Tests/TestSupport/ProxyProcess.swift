// The built program, serving with a configuration of the test's own.

import Foundation
import Glibc

/// What a test wants of its proxy; every value has a default that most tests keep.
public struct ProxySettings: Sendable {
    public var upstream: String
    public var users = TestUser.all
    /// Instead of one that is made from `users`.
    public var passwordFile: String?
    public var bcryptCost = 4
    /// Lines under `access.groups`, without indentation.
    public var groups: [String] = []
    /// Lines under `access.rules`, one rule each, in YAML's flow style.
    public var rules = Self.teamRules
    /// A whole `access` section instead of `groups` and `rules`.
    public var access: String?
    /// Lines under `access` beside groups and rules.
    public var accessLines: [String] = []
    /// More lines under `auth`, without indentation; those of the users' file come first.
    public var auth: [String] = []
    /// Lines under `upstream`, behind its URL.
    public var upstreamKeys: [String] = []
    /// Lines under both listeners on 127.0.0.1.
    public var listenKeys: [String] = []
    /// Lines under `tls` of every listener that has it.
    public var tlsKeys: [String] = []
    /// Top-level sections to add, each with its own indentation.
    public var more: [String] = []
    public var accessLogFormat = "json"
    /// Also listens on `::1` with TLS.
    public var listensOnIPv6 = false
    public var certificate: String?
    /// Below the proxy's directory.
    public var usersFile = "users.htpasswd"
    public var accessLogName = "access.log"
    /// The section `log.audit` in YAML's flow style; without it there is no trail.
    public var audit: String?
    /// A program with its arguments that becomes the proxy.
    public var launcher: [String] = []
    /// Variables beside those of the tests' own environment.
    public var environment: [String: String] = [:]

    public init(upstream: String) { self.upstream = upstream }

    /// alice owns `team-a`, bob owns `team-b`, the operator everything, everybody reads `public`.
    public static let teamRules = [
        #"{ id: team-a, who: ["user:alice"], repos: ["team-a/**"], allow: [all] }"#,
        #"{ id: team-b, who: ["user:bob"], repos: ["team-b/**"], allow: [all] }"#,
        #"{ id: operators, who: ["user:operator"], repos: ["**"], allow: [all] }"#,
        #"{ id: public-read, who: [anyone], repos: ["public/**"], allow: [pull] }"#,
    ]
}

/// A running `registry-proxy serve`.
public final class ProxyProcess: Sendable {
    public let directory: TemporaryDirectory
    public let program: BackgroundProgram
    public let certificates: Certificates
    /// Ports: with TLS on 127.0.0.1, without TLS on 127.0.0.1, with TLS on ::1, admin.
    public let securePort: Int
    public let plainPort: Int
    public let secureIPv6Port: Int?
    public let adminPort: Int

    public var url: String { "https://127.0.0.1:\(securePort)" }
    public var pid: Int32 { program.pid }

    public convenience init(upstream: String) throws {
        try self.init(ProxySettings(upstream: upstream))
    }

    /// - Parameter prepare: called when the files are written, before the program starts.
    public init(
        _ settings: ProxySettings,
        prepare: (TemporaryDirectory) throws -> Void = { _ in }
    ) throws {
        certificates = try Certificates.shared()
        directory = try TemporaryDirectory("proxy")
        try directory.write(
            settings.passwordFile
                ?? PasswordLines.file(for: settings.users, cost: settings.bcryptCost),
            to: "users.htpasswd"
        )
        let configuration = try directory.write(
            settings.text(certificates),
            to: "registry-proxy.yaml"
        )
        try prepare(directory)
        program = try BackgroundProgram(
            settings.launcher + [Project.program, "serve", "--config", configuration],
            environment: settings.environment,
            in: directory.path,
            output: directory.file("stdout.log")
        )
        let ready = try program.waitForLine("the event `ready`") { line in
            OwnEvent(line).flatMap { $0.name == "ready" ? $0 : nil }
        }
        let listeners = ready.strings("listen").map(Self.port)
        securePort = listeners[0]
        plainPort = listeners[1]
        secureIPv6Port = listeners.count > 2 ? listeners[2] : nil
        adminPort = Self.port(ready.string("admin") ?? "")
    }

    public func stop() { program.stop() }

    /// Writes another configuration and users' file in the place of those in use.
    public func rewrite(_ settings: ProxySettings) throws {
        let users =
            try settings.passwordFile
            ?? PasswordLines.file(for: settings.users, cost: settings.bcryptCost)
        // By rename: somebody may be reading them at this moment.
        for (text, name) in [
            (users, "users.htpasswd"), (settings.text(certificates), "registry-proxy.yaml"),
        ] {
            try directory.write(text, to: "\(name).new")
            try directory.move("\(name).new", to: name)
        }
    }

    /// The same, then SIGHUP, and waits until it is in force.
    @discardableResult
    public func reload(_ settings: ProxySettings) throws -> OwnEvent {
        let count = eventCount("config.reloaded")
        try rewrite(settings)
        program.signal(SIGHUP)
        return try waitForEvent("config.reloaded", after: count)
    }

    /// A connection to the listener without TLS.
    ///
    /// - Parameter source: see `Socket.connect`.
    public func connect(from source: UInt8 = 1, within seconds: Double = 20) throws -> RawClient {
        try RawClient(port: plainPort, from: source, within: seconds)
    }

    /// One request on a connection of its own, without TLS.
    public func request(
        _ method: String,
        _ target: String,
        as user: TestUser? = nil,
        _ fields: [String] = [],
        body: [UInt8]? = nil
    ) throws -> Response {
        let client = try connect()
        defer { client.close() }
        return try client.request(method, target, as: user, fields, body: body)
    }

    /// One request to the admin listener.
    public func admin(_ target: String) throws -> Response {
        let client = try RawClient(port: adminPort)
        defer { client.close() }
        return try client.request("GET", target)
    }

    /// The value of one figure of `/metrics`, all its labelled lines added up.
    public func metric(_ name: String, where labels: String = "") throws -> Double {
        let lines = try admin("/metrics").text.split(separator: "\n")
        return lines.reduce(0) { sum, line in
            let isIt = line.hasPrefix("\(name){") || line.hasPrefix("\(name) ")
            guard isIt, labels.isEmpty || line.contains(labels) else { return sum }
            return sum + (line.split(separator: " ").last.flatMap { Double($0) } ?? 0)
        }
    }

    /// Waits for an own event on standard error.
    @discardableResult
    public func waitForEvent(_ name: String, after count: Int = 0) throws -> OwnEvent {
        try program.waitForLines("the event `\(name)`") { lines in
            let events = lines.compactMap(OwnEvent.init).filter { $0.name == name }
            return events.count > count ? events[count] : nil
        }
    }

    /// How many events of that name there were so far.
    public func eventCount(_ name: String) -> Int {
        program.errorLines.filter { OwnEvent($0)?.name == name }.count
    }

    /// The subject of the certificate that a new connection gets.
    public func certificateSubject() throws -> String {
        let shown = try Command.run([
            "openssl", "s_client", "-connect", "127.0.0.1:\(securePort)", "-CAfile",
            certificates.ca, "-verify_return_error",
        ])
        return shown.text.split(separator: "\n").first { $0.hasPrefix("subject") }
            .map(String.init) ?? "\(shown)"
    }

    private static func port(_ url: String) -> Int {
        Int(url.split(separator: ":").last ?? "") ?? 0
    }
}

/// One line of the program's own events.
public struct OwnEvent {
    private let values: [String: Any]

    public init?(_ line: String) {
        let parsed = try? JSONSerialization.jsonObject(with: Data(line.utf8))
        guard let values = parsed as? [String: Any] else { return nil }
        self.values = values
    }

    public var name: String { string("event") ?? "" }
    public func string(_ key: String) -> String? { values[key] as? String }
    public func strings(_ key: String) -> [String] { values[key] as? [String] ?? [] }
    public func number(_ key: String) -> Int? { (values[key] as? NSNumber)?.intValue }
    public func has(_ key: String) -> Bool { values[key] != nil }
}

extension ProxySettings {
    /// The configuration file.
    func text(_ certificates: Certificates) -> String {
        let tls = """
                tls:
                  certificate: \(certificate ?? certificates.certificate)
                  private_key: \(certificates.key)
            """ + tlsKeys.map { "\n      \($0)" }.joined()
        let listenLines = listenKeys.map { "\n    \($0)" }.joined()
        let upstreamLines = upstreamKeys.map { "\n  \($0)" }.joined()
        let ipv6 = listensOnIPv6 ? "\n  - address: \"[::1]:0\"\n" + tls : ""
        let otherLines = accessLines.map { "  \($0)\n" }.joined()
        let auditLine = audit.map { "\n  audit: \($0)" } ?? ""
        let groupLines = groups.map { "    \($0)" }.joined(separator: "\n")
        let ruleLines = rules.map { "    - \($0)" }.joined(separator: "\n")
        let groupSection = groups.isEmpty ? "" : "  groups:\n\(groupLines)\n"
        let section = "access:\n\(otherLines)\(groupSection)  rules:\n\(ruleLines)"
        return """
            listen:
              - address: 127.0.0.1:0
            \(tls)\(listenLines)
              - address: 127.0.0.1:0\(listenLines)\(ipv6)
            upstream:
              url: \(upstream)\(upstreamLines)
            auth:
              htpasswd: { file: \(usersFile) }
            \(auth.map { "  \($0)\n" }.joined())\(access ?? section)
            log:
              access: { path: \(accessLogName), format: \(accessLogFormat) }\(auditLine)
            admin:
              address: 127.0.0.1:0
            \(more.joined(separator: "\n"))

            """
    }
}
