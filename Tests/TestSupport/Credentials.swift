// Certificates and users, made once for each run of the tests.

import Foundation
import NetIO

/// A development CA and a server certificate (ECDSA P-256) for `127.0.0.1`, `::1`, `localhost` and
/// `registry.test`.
public struct Certificates: Sendable {
    let directory: TemporaryDirectory
    public var ca: String { directory.file("ca.crt") }
    public var certificate: String { directory.file("server.crt") }
    public var key: String { directory.file("server.key") }

    private static let made = Locked<Certificates?>(nil)

    /// The ones that this run shares.
    public static func shared() throws -> Certificates {
        try made.withLock { made in
            if let made { return made }
            let new = try Certificates()
            made = new
            return new
        }
    }

    /// Others, which nobody trusts who trusts the shared ones.
    public init() throws {
        directory = try TemporaryDirectory("pki")
        try openssl(
            "req", "-x509", "-new", "-key", try newKey("ca.key"), "-sha256", "-days", "30",
            "-subj", "/CN=registry-proxy test CA", "-out", ca,
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign"
        )
        _ = try newKey("server.key")
        try issue(commonName: "registry.test", to: "server.crt")
    }

    /// Signs another certificate for the same key: for tests of a renewal, or of a wrong name.
    ///
    /// - Parameter days: until it expires; less than 0: it has.
    /// - Returns: its path.
    @discardableResult
    public func issue(
        commonName: String,
        to name: String,
        names: String = "IP:127.0.0.1,IP:::1,DNS:localhost,DNS:registry.test",
        days: Int = 30
    ) throws -> String {
        let request = directory.file("\(name).csr")
        let extensions = try directory.write(
            """
            basicConstraints=critical,CA:FALSE
            keyUsage=critical,digitalSignature
            extendedKeyUsage=serverAuth
            subjectAltName=\(names)
            """,
            to: "\(name).ext"
        )
        try openssl("req", "-new", "-key", key, "-subj", "/CN=\(commonName)", "-out", request)
        let output = directory.file(name)
        // Without a file of serial numbers, which others may be writing now, they are random.
        try openssl(
            "x509", "-req", "-in", request, "-CA", ca, "-CAkey", directory.file("ca.key"),
            "-sha256", "-days", "\(days)", "-extfile", extensions, "-out", output
        )
        return output
    }

    /// Makes a certificate that nobody but its own key has signed.
    ///
    /// - Returns: its path.
    public func issueSelfSigned(to name: String) throws -> String {
        let output = directory.file(name)
        try openssl(
            "req", "-x509", "-new", "-key", key, "-days", "30", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-out", output
        )
        return output
    }

    /// A certificate that has signed nothing but itself.
    /// - Returns: its path.
    public func unrelated() throws -> String {
        let path = directory.file("unrelated.crt")
        try openssl(
            "req", "-x509", "-new", "-key", try newKey("unrelated.key"), "-sha256", "-days", "30",
            "-subj", "/CN=somebody else", "-out", path
        )
        return path
    }

    private func newKey(_ name: String) throws -> String {
        let path = directory.file(name)
        try openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        return path
    }

    private func openssl(_ arguments: String...) throws {
        try Command.check(["openssl"] + arguments)
    }
}

/// Lines of an htpasswd file.
public enum PasswordLines {
    private static let known = Locked<[String: String]>([:])

    /// One line, hashed by Apache's `htpasswd` with bcrypt. Asked again, it is the same line.
    public static func line(for user: TestUser, cost: Int = 4) throws -> String {
        let key = "\(user.name):\(user.password):\(cost)"
        if let line = known.withLock({ $0[key] }) { return line }
        let finished = try Command.check([
            "htpasswd", "-nbB", "-C", "\(cost)", user.name, user.password,
        ])
        let line = finished.text.trimmingCharacters(in: .whitespacesAndNewlines)
        // Another test may have been first meanwhile: then its line is the one.
        return known.withLock { known in
            let first = known[key] ?? line
            known[key] = first
            return first
        }
    }

    /// A whole file.
    public static func file(for users: [TestUser], cost: Int = 4) throws -> String {
        try users.map { try line(for: $0, cost: cost) + "\n" }.joined()
    }
}

/// The digest of some bytes as registries write it: `sha256:` and 64 hexadecimal digits.
public func digest(of bytes: [UInt8]) throws -> String {
    let finished = try Command.check(["sha256sum"], input: bytes)
    return "sha256:" + finished.text.prefix(64)
}
