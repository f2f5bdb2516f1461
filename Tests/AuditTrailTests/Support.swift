import Bytes
import Foundation
import Logbook
import Secrets
import Testing

@testable import AuditTrail

/// A directory for one trail, removed with its owner.
final class TrailFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "trail-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var trail: String { path + "/audit.log" }

    func text(_ name: String = "audit.log") throws -> String {
        try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }

    func lines(_ name: String = "audit.log") throws -> [String] {
        try text(name).split(separator: "\n").map(String.init)
    }

    func write(_ text: String, to name: String = "audit.log") throws {
        try text.write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
    }

    /// The trail's files, without locks and torn lines.
    func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasSuffix(".log") || $0.hasSuffix(".gz") }
            .map { path + "/" + $0 }
    }

    func open(_ change: (inout AuditTrail.Settings) -> Void = { _ in }) throws -> AuditTrail {
        var settings = AuditTrail.Settings(path: trail, node: "node-1")
        change(&settings)
        return try AuditTrail(settings, operatorLog: OperatorLog(.error))
    }
}

/// A trail's records of its own, one for each call.
struct RecordMaker {
    private var count = 0

    mutating func push() -> AuditEntry {
        count += 1
        var record = AuditRecord(.manifestCreate)
        record.who.user = "alice"
        record.what.repository = "team/app"
        record.what.tag = ByteString("v\(count)")
        return AuditEntry(record, RecordEncoder(node: "node-1"))
    }

    mutating func pull() -> AuditEntry {
        var record = AuditRecord(.manifestPull)
        record.what.repository = "team/app"
        return AuditEntry(record, RecordEncoder(node: "node-1"))
    }
}

extension AuditTrail {
    /// Ends the thread; what was handed over is on the disk afterwards.
    func end() { #expect(close(within: 60_000_000_000)) }
}

/// The findings in a trail, as text, and what was there.
func verified(
    _ files: [String],
    head: TrailVerifier.Head? = nil,
    key: PublicKey? = nil
) throws -> (findings: [TrailVerifier.Finding], summary: TrailVerifier.Summary) {
    var findings: [TrailVerifier.Finding] = []
    var verifier = TrailVerifier(head: head, key: key) { findings.append($0) }
    let summary = try verifier.verify(files)
    return (findings, summary)
}

/// A key of the tests' own (never used elsewhere), PKCS#8 of Ed25519: RFC 8410 section 7.
func signingKey(_ seed: UInt8) throws -> SigningKey {
    let head: [UInt8] = [
        0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ]
    let body = Data(head + Array(repeating: seed, count: 32)).base64EncodedString()
    let pem = "-----BEGIN PRIVATE KEY-----\n\(body)\n-----END PRIVATE KEY-----\n"
    return try SigningKey(pem: SecretBytes(copying: Array(pem.utf8).span))
}

/// A value that several tasks change, one at a time.
typealias Locked = Monitor

extension WallTime {
    func daysBefore(_ days: Int) -> WallTime {
        WallTime(nanoseconds: nanoseconds - Int64(days) * 86_400_000_000_000)
    }
}
