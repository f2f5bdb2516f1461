// A real directory server (OpenLDAP's slapd) on free ports, with the test directory in it.

import Foundation
import NetIO

/// A running slapd: `ldap://` with StartTLS, and `ldaps://`; with the overlays memberof, ppolicy.
public final class Slapd: Sendable {
    public let port: Int
    public let securePort: Int
    public let certificates: Certificates
    let directory: TemporaryDirectory
    private let program: Locked<BackgroundProgram>

    public static let rootDN = "cn=admin,\(DirectoryData.base)"
    static let rootPassword = "adminpw"

    private static let made = Locked<Slapd?>(nil)

    /// The one that the tests share which change nothing in it.
    public static func shared() throws -> Slapd {
        try made.withLock { made in
            if let made { return made }
            let new = try Slapd()
            made = new
            return new
        }
    }

    /// - Parameters:
    ///   - allows: `olcAllows`, for example `bind_anon_dn`.
    ///   - certificate: instead of the one for `127.0.0.1`, with the same key.
    public init(allows: String? = nil, certificate: String? = nil) throws {
        certificates = try Certificates.shared()
        directory = try TemporaryDirectory("slapd")
        try directory.write(
            Self.configuration(
                directory.path, certificates,
                certificate: certificate ?? certificates.certificate, allows: allows),
            to: "config.ldif"
        )
        for name in ["config", "db"] {
            try FileManager.default.createDirectory(
                atPath: directory.file(name), withIntermediateDirectories: true)
        }
        try Command.check([
            "slapadd", "-n", "0", "-F", directory.file("config"), "-l",
            directory.file("config.ldif"),
        ])
        var started: (BackgroundProgram, Int, Int)?
        for _ in 0..<10 where started == nil {
            let (port, securePort) = (try freePort(), try freePort())
            let program = try Self.start(directory, port, securePort)
            if try Self.answers(program, port) { started = (program, port, securePort) }
        }
        guard let (program, port, securePort) = started else {
            throw NeverCameTrue(description: "slapd did not start")
        }
        self.program = Locked(program)
        self.port = port
        self.securePort = securePort
        try add(DirectoryData.ldif)
        try modify(DirectoryData.states)
    }

    /// How the requests that the server has answered look in its log.
    public var log: [String] { program.withLock { $0.errorLines } }

    /// How many lines of the log have these words in them, in this order.
    public func count(_ words: String...) -> Int {
        log.filter { line in
            var rest = line[...]
            for word in words {
                guard let found = rest.range(of: word) else { return false }
                rest = rest[found.upperBound...]
            }
            return true
        }
        .count
    }

    public func add(_ ldif: String) throws { try change(["ldapadd"], ldif) }
    public func modify(_ ldif: String) throws { try change(["ldapmodify", "-e", "relax"], ldif) }

    public func delete(_ dn: String) throws {
        try Command.check(
            ["ldapdelete", "-x", "-H", "ldap://127.0.0.1:\(port)", "-D", Self.rootDN]
                + ["-w", Self.rootPassword, dn])
    }

    /// Ends the server; connections see a reset or the end.
    public func stop() { program.withLock { $0 }.stop() }

    /// Stands still (SIGSTOP), or goes on (SIGCONT).
    public func signal(_ number: Int32) { program.withLock { $0 }.signal(number) }

    /// Starts it again at the same ports.
    public func start() throws {
        let new = try Self.start(directory, port, securePort)
        guard try Self.answers(new, port) else {
            throw NeverCameTrue(description: "slapd did not start again")
        }
        program.withLock { $0 = new }
    }

    private func change(_ command: [String], _ ldif: String) throws {
        try Command.check(
            command + ["-x", "-H", "ldap://127.0.0.1:\(port)", "-D", Self.rootDN]
                + ["-w", Self.rootPassword],
            input: Array(ldif.utf8))
    }

    private static func start(
        _ directory: TemporaryDirectory,
        _ port: Int,
        _ securePort: Int
    ) throws -> BackgroundProgram {
        let addresses = "ldap://127.0.0.1:\(port) ldaps://127.0.0.1:\(securePort)"
        return try BackgroundProgram([
            "slapd", "-F", directory.file("config"), "-d", "stats", "-h", addresses,
        ])
    }

    private static func answers(_ program: BackgroundProgram, _ port: Int) throws -> Bool {
        try eventually("slapd answers or ends", within: 60) { () -> Bool? in
            guard program.isRunning else { return false }
            let asked = try Command.run([
                "ldapsearch", "-x", "-H", "ldap://127.0.0.1:\(port)", "-s", "base", "-b", "",
            ])
            return asked.status == 0 ? true : nil
        }
    }

    private static func configuration(
        _ directory: String,
        _ certificates: Certificates,
        certificate: String,
        allows: String?
    ) -> String {
        """
        dn: cn=config
        objectClass: olcGlobal
        cn: config
        olcTLSCACertificateFile: \(certificates.ca)
        olcTLSCertificateFile: \(certificate)
        olcTLSCertificateKeyFile: \(certificates.key)
        olcTLSVerifyClient: never
        \(allows.map { "olcAllows: \($0)\n" } ?? "")
        dn: cn=module,cn=config
        objectClass: olcModuleList
        cn: module
        olcModulePath: /usr/lib/ldap
        olcModuleLoad: back_mdb
        olcModuleLoad: memberof
        olcModuleLoad: ppolicy

        dn: cn=schema,cn=config
        objectClass: olcSchemaConfig
        cn: schema

        include: file:///etc/ldap/schema/core.ldif
        include: file:///etc/ldap/schema/cosine.ldif
        include: file:///etc/ldap/schema/inetorgperson.ldif
        include: file:///etc/ldap/schema/nis.ldif

        dn: olcDatabase={-1}frontend,cn=config
        objectClass: olcDatabaseConfig
        objectClass: olcFrontendConfig
        olcDatabase: {-1}frontend
        olcPasswordHash: {SSHA}

        dn: olcDatabase={0}config,cn=config
        objectClass: olcDatabaseConfig
        olcDatabase: {0}config
        olcAccess: {0}to * by * none

        dn: olcDatabase={1}mdb,cn=config
        objectClass: olcDatabaseConfig
        objectClass: olcMdbConfig
        olcDatabase: {1}mdb
        olcDbDirectory: \(directory)/db
        olcDbMaxSize: 67108864
        olcDbNoSync: TRUE
        olcSuffix: \(DirectoryData.base)
        olcRootDN: \(rootDN)
        olcRootPW: \(rootPassword)
        olcDbIndex: objectClass,uid,cn,member,uniqueMember,memberUid,memberOf eq
        olcAccess: {0}to attrs=userPassword by anonymous auth by * none
        olcAccess: {1}to * by dn.exact="\(DirectoryData.serviceDN)" read by self read by * none

        dn: olcOverlay={0}memberof,olcDatabase={1}mdb,cn=config
        objectClass: olcOverlayConfig
        objectClass: olcMemberOf
        olcOverlay: {0}memberof

        dn: olcOverlay={1}ppolicy,olcDatabase={1}mdb,cn=config
        objectClass: olcOverlayConfig
        objectClass: olcPPolicyConfig
        olcOverlay: {1}ppolicy
        olcPPolicyDefault: cn=default,ou=policies,\(DirectoryData.base)
        olcPPolicyHashCleartext: TRUE
        olcPPolicyUseLockout: TRUE

        """
    }
}

/// A port of `127.0.0.1` that nobody listens on at this moment.
public func freePort() throws -> Int {
    let socket = try Socket.listen()
    defer { socket.close() }
    return socket.port
}
