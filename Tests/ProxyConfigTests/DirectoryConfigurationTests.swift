import Testing

@testable import ProxyConfig

@Suite struct DirectoryConfigurationTests {
    /// A directory in flow style, on a line of its own; `replacing` is taken out of it.
    private func text(_ keys: String) -> String { base + "auth: { ldap: { \(keys) } }\n" }

    private let servers = "servers: [ldaps://ldap.example.com]"
    private let users = "users: { base: \"ou=people,dc=x\" }"

    @Test("a short directory has the defaults")
    func defaults() throws {
        let read = try #require(report(text("\(servers), \(users)")).configuration)
        let directory = try #require(read.auth.ldap)
        #expect(directory.servers.map(\.description) == ["ldaps://ldap.example.com"])
        #expect(directory.servers[0].port == 636)
        #expect(directory.users.filter == "(uid={user})" && directory.users.attribute == "uid")
        #expect(directory.groups.strategy == .none && directory.groups.limit == 1000)
        #expect(directory.timeouts.connect == .seconds(3))
        #expect(directory.timeouts.operation == .seconds(5))
        #expect(directory.usesTLS && !directory.isInsecure)
        #expect(read.auth.cache.ldapLifetime == .seconds(60))
        #expect(read.auth.order == [.clientCertificates, .htpasswd, .ldap])
    }

    @Test(
        "what is right is read",
        arguments: [
            #"servers: ["ldap://127.0.0.1:3389"], insecure: true, users: { base: "dc=x" }"#,
            #"servers: ["ldap://a"], start_tls: true, users: { dn: "uid={user},dc=x" }"#,
            #"servers: ["ldaps://[::1]"], users: { dn: "{user}@x", base: "dc=x" }"#,
            #"servers: ["ldaps://a"], users: { base: "dc=x", filter: "(&(a=b)(uid={user}))" }"#,
        ])
    func right(keys: String) {
        #expect(report(text(keys)).errors == [])
    }

    @Test(
        "what would be insecure or cannot work is refused",
        arguments: [
            (#"servers: ["ldap://a"], users: { base: "dc=x" }"#, "servers: would carry passwords"),
            (#"servers: ["http://a"], users: { base: "dc=x" }"#, "servers[0]: has another scheme"),
            (#"servers: ["ldaps://u@a"], users: { base: "dc=x" }"#, "servers[0]: contains a user"),
            (#"servers: [], users: { base: "dc=x" }"#, "servers: is an empty list"),
            (#"servers: ["ldaps://a"]"#, "users: is required"),
            (#"servers: ["ldaps://a"], users: {}"#, "users.base: is required"),
            (#"servers: ["ldaps://a"], users: { dn: "uid=x" }"#, "users.dn: \"uid=x\" is no"),
            (#"servers: ["ldaps://a"], users: { dn: "{user}@x" }"#, "users.base: is required"),
            (
                #"servers: ["ldaps://a"], users: { dn: "uid={user},dc=x", base: "dc=x" }"#,
                "users.base: stands beside"
            ),
            (
                #"servers: ["ldaps://a"], users: { base: "dc=x", filter: "(uid=x)" }"#,
                "users.filter: \"(uid=x)\" is no such filter"
            ),
            (
                #"servers: ["ldaps://a"], users: { base: "dc=x", filter: "(uid={user})(a=b)" }"#,
                "users.filter:"
            ),
            (
                #"servers: ["ldaps://a"], users: { base: "dc=x", filter: "(uid={usr})" }"#,
                "users.filter:"
            ),
            (#"servers: ["ldaps://a"], users: { base: "dc=x", attribute: "a b" }"#, "attribute:"),
            (
                #"servers: ["ldaps://a"], insecure: true, users: { base: "dc=x" }"#,
                "insecure: stands beside TLS"
            ),
            (
                #"servers: ["ldaps://a"], start_tls: true, users: { base: "dc=x" }"#,
                "start_tls: stands beside"
            ),
            (
                #"servers: ["ldaps://a"], bind_dn: "cn=a", users: { base: "dc=x" }"#,
                "bind_dn: stands alone"
            ),
            (
                #"servers: ["ldaps://a"], users: { base: "dc=x" }, groups: { strategy: search }"#,
                "groups.base: is required"
            ),
            (
                #"servers: ["ldaps://a"], users: { base: "dc=x" }, timeouts: { connect: 0s }"#,
                "timeouts.connect:"
            ),
        ])
    func refused(keys: String, expected: String) {
        let errors = report(text(keys)).errors.map(\.description)
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.contains { $0.contains("auth.ldap.") && $0.contains(expected) }, "\(errors)")
    }

    @Test("a source that stands in the order twice is refused")
    func order() {
        let errors = report(base + "auth: { order: [ldap, htpasswd, ldap] }\n").errors
        #expect(errors.map(\.key) == ["auth.order"])
        #expect(report(base + "auth: { order: [htpasswd] }\n").errors == [])
    }
}
