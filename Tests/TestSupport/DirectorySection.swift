// The section `auth.ldap` for the test directory.

import Foundation

extension ProxySettings {
    /// Asks this server, with the service account and by `uid`.
    ///
    /// - Parameters:
    ///   - url: where the directory is, perhaps behind something that breaks connections.
    ///   - more: keys of `auth.ldap` besides, in YAML's flow style.
    public mutating func ask(
        _ slapd: Slapd,
        at url: String? = nil,
        groups: String = "{ strategy: none }",
        timeouts: String = "{ connect: 20s, operation: 60s }",
        more: [String] = []
    ) throws {
        let password = try slapd.passwordFile()
        auth.append("ldap:")
        auth += [
            "servers: [\"\(url ?? "ldap://127.0.0.1:\(slapd.port)")\"]",
            "start_tls: true",
            "ca: \(slapd.certificates.ca)",
            "bind_dn: \"\(DirectoryData.serviceDN)\"",
            "bind_password_file: \(password)",
            "users: { base: \"\(DirectoryData.people)\", filter: \"(uid={user})\" }",
            "groups: \(groups)",
            "timeouts: \(timeouts)",
        ].map { "  \($0)" }
        auth += more.map { "  \($0)" }
    }
}

extension Slapd {
    /// A file with the service account's password. Put there by a rename: another test's proxy may
    /// be reading it, and must never find it empty or open to others.
    public func passwordFile(_ password: String = DirectoryData.servicePassword) throws -> String {
        let name = "service-\(password.utf8.count).password"
        let new = "\(name).\(UUID())"
        try directory.write(password + "\n", to: new)
        try directory.move(new, to: name)
        return directory.file(name)
    }
}
