// The records of an audit trail, for tests that read it as any other program would.

import Foundation

/// One record.
public struct AuditLine {
    private let values: [String: Any]

    /// - Returns: `nil` if the line is no JSON object.
    public init?(_ line: some StringProtocol) {
        let parsed = try? JSONSerialization.jsonObject(with: Data(line.utf8))
        guard let values = parsed as? [String: Any] else { return nil }
        self.values = values
    }

    public var event: String { values["event"] as? String ?? "" }
    public var outcome: String { values["outcome"] as? String ?? "" }
    public var count: Int { (values["count"] as? NSNumber)?.intValue ?? 1 }
    public var notes: [String] { values["notes"] as? [String] ?? [] }

    /// A member of a member, as text: `what.tag`.
    public subscript(path: String) -> String? {
        let parts = path.split(separator: ".").map(String.init)
        let inner = (values[parts[0]] as? [String: Any])?[parts[1]]
        return inner.map { ($0 as? [Any])?.map { "\($0)" }.joined(separator: ",") ?? "\($0)" }
    }
}

extension ProxyProcess {
    /// The records in the trail's current file. Every line must be one.
    public func auditLines(_ name: String = "audit.log") throws -> [AuditLine] {
        try directory.read(name).split(separator: "\n").map { line in
            guard let record = AuditLine(line) else {
                throw NeverCameTrue(description: "no JSON: \(line)")
            }
            return record
        }
    }

    /// The outcome of `audit verify` on these files of the proxy's directory.
    public func verifyTrail(
        _ names: [String] = ["audit.log"],
        _ options: String...
    ) throws -> Finished {
        let files = names.map(directory.file)
        return try Command.run([Project.program, "audit", "verify"] + options + files)
    }
}
