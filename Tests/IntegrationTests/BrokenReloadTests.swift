// Each of forty broken configurations leaves the one in force serving, with one clear error.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct BrokenReloadTests {
    /// What to make of the configuration in force, and what the error must speak of.
    struct Fault: Sendable {
        let name: String
        let saying: String
        let change: @Sendable (_ before: String, TemporaryDirectory) throws -> String

        init(
            _ name: String,
            _ saying: String,
            _ change: @escaping @Sendable (String, TemporaryDirectory) throws -> String
        ) {
            self.name = name
            self.saying = saying
            self.change = change
        }

        /// Lines below the whole.
        static func adding(_ text: String, _ saying: String) -> Fault {
            Fault(text, saying) { before, _ in before + text + "\n" }
        }

        /// One rule more.
        static func rule(_ text: String, _ saying: String) -> Fault {
            Fault(text, saying) { before, _ in
                before.replacingOccurrences(of: "  rules:\n", with: "  rules:\n    - \(text)\n")
            }
        }

        static func replacing(_ old: String, _ new: String, _ saying: String) -> Fault {
            Fault("\(old) -> \(new)", saying) { before, _ in
                guard let place = before.range(of: old) else { return before }
                return before.replacingCharacters(in: place, with: new)
            }
        }

        /// Another private key, as `make` writes it to `path`.
        static func key(
            _ name: String,
            _ saying: String,
            _ make: @escaping @Sendable (_ path: String) throws -> Void
        ) -> Fault {
            Fault(name, saying) { before, directory in
                let path = directory.file("broken.key")
                try? FileManager.default.removeItem(atPath: path)
                try make(path)
                return before.replacing(#/private_key: .*/#, with: "private_key: \(path)")
            }
        }

        static func users(_ text: String, _ saying: String) -> Fault {
            Fault("users: \(text)", saying) { before, directory in
                try directory.write(text, to: "broken.htpasswd")
                return before.replacingOccurrences(
                    of: "users.htpasswd", with: "broken.htpasswd")
            }
        }
    }

    static let faults: [Fault] = text + values + rules + addresses + files

    /// What is no such YAML.
    private static let text: [Fault] = [
        Fault("empty", "is empty") { _, _ in "" },
        Fault("a list", "is a list") { _, _ in "- listen\n" },
        Fault("NUL", "NUL") { before, _ in before + "\u{0}" },
        Fault("byte order mark", "byte order mark") { before, _ in "\u{FEFF}" + before },
        Fault("cut in the middle of a flow", "is not YAML") { before, _ in
            String(before[..<before.range(of: "team-b/**")!.lowerBound])
        },
        Fault("65 levels", "64") { before, _ in
            before + "cors: " + String(repeating: "[", count: 65)
                + String(repeating: "]", count: 65) + "\n"
        },
        .adding("listen: []", "listen"),
        .adding("---\nlisten: []", "second document"),
        .adding("limits: &a { connections: 5 }", "anchor"),
        .adding("limits: !!map { connections: 5 }", "tag"),
    ]

    /// Values that are not allowed.
    private static let values: [Fault] = [
        .adding("listne: 1", "listen"),
        .adding("limits: { conections: 5 }", "connections"),
        .adding("limits: { connections: 0 }", "limits.connections"),
        .adding("limits: { connections: -1 }", "limits.connections"),
        .adding("limits: { connections: 99999999999999999999 }", "limits.connections"),
        .adding("limits: { connections: [5] }", "limits.connections"),
        .adding("limits: { request_head: 32 }", "limits.request_head"),
        .adding("timeouts: { idle: 0s }", "timeouts.idle"),
        .adding("timeouts: { idle: ten }", "timeouts.idle"),
        .adding("external_url: ftp://x", "external_url"),
        .replacing("url: http", "url: gopher", "upstream.url"),
        .replacing("url: http://", "url: http://ann:secret@", "upstream.url"),
        .replacing("format: json", "format: xml", "log.access.format"),
    ]

    private static let rules: [Fault] = [
        .rule(#"{ id: x, who: [anyone], repos: ["a"] }"#, "allow"),
        .rule(#"{ id: x, who: [anyone], repos: ["a"], allow: [write] }"#, "write"),
        .rule(#"{ id: x, who: [anyone], repos: [], allow: [pull] }"#, "repos"),
        .rule(#"{ id: x, who: ["usr:a"], repos: ["a"], allow: [pull] }"#, "usr:a"),
        .rule(#"{ id: x, who: [anyone], repos: ["a**b"], allow: [pull] }"#, "a**b"),
        .rule(#"{ id: team-a, who: [anyone], repos: ["a"], allow: [pull] }"#, "team-a"),
        .rule(#"{ who: [anyone], repos: ["a"], allow: [pull] }"#, "id"),
        .rule(#"{ id: x, who: [anyone], repos: ["{group}"], allow: [pull] }"#, "group"),
    ]

    private static let addresses: [Fault] = [
        .replacing("address: 127.0.0.1:0", "address: 127.0.0.9:0", "listen[0].address"),
        .replacing("address: 127.0.0.1:0", "address: example.com:0", "listen[0].address"),
        .replacing("admin:\n  address: 127.0.0.1:0", "", "admin.address"),
    ]

    private static let files: [Fault] = [
        .replacing("certificate: /", "certificate: /missing", "certificate"),
        .key("no key", "private_key") { _ in },
        .key("another's key", "private_key") { path in
            try Command.check([
                "openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path,
            ])
            try Command.check(["chmod", "600", path])
        },
        .key("a key open to others", "private_key") { path in
            try Command.check(["cp", try Certificates.shared().key, path])
            try Command.check(["chmod", "644", path])
        },
        .key("garbage", "private_key") { path in
            try Command.check(["cp", "/etc/hostname", path])
            try Command.check(["chmod", "600", path])
        },
        .users("", "users"),
        .users("alice:plain\n", "hash"),
        .users("alice\n", "colon"),
    ]

    @Test("each of forty broken configurations leaves the one in force serving")
    func all() throws {
        #expect(Self.faults.count >= 40)
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let before = try proxy.directory.read("registry-proxy.yaml")
        for (number, fault) in Self.faults.enumerated() {
            let text = try fault.change(before, proxy.directory)
            #expect(text != before, "\(fault.name)")
            try proxy.directory.write(text, to: "registry-proxy.new")
            try proxy.directory.move("registry-proxy.new", to: "registry-proxy.yaml")
            proxy.program.signal(SIGHUP)
            let event = try proxy.waitForEvent("config.refused", after: number)
            let errors = event.strings("errors")
            #expect(errors.count == 1, "\(fault.name): \(errors)")
            #expect(errors.first?.contains(fault.saying) == true, "\(fault.name): \(errors)")
            #expect(errors.allSatisfy { !$0.contains("secret") }, "\(errors)")
            #expect(try client.request("GET", "/v2/", as: .alice).status == 200, "\(fault.name)")
        }
        #expect(try proxy.metric("registry_proxy_config_generation") == 1)
        try proxy.directory.write(before, to: "registry-proxy.yaml")
        proxy.program.signal(SIGHUP)
        let event = try proxy.waitForEvent("config.reloaded")
        #expect(event.strings("changes") == [])
        #expect(proxy.eventCount("config.refused") == Self.faults.count, "one for each")
    }
}
