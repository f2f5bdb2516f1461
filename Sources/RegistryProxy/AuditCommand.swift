import AccessControl
import AuditTrail
import Bytes
import Secrets

/// Does what `registry-proxy audit` was asked to. Reads in constant memory, and prints while it
/// reads.
func runAudit(_ options: AuditOptions) -> Int32 {
    let output = StandardOutput()
    let result = AuditCommand(files: options.files, output: output).run(options.action)
    let isWritten = output.flush()
    if !result.standardError.isEmpty {
        _ = CommandOutcome(standardError: result.standardError).emit()
    }
    return isWritten || result.exitCode != .done
        ? result.exitCode.rawValue : ExitCode.unavailable.rawValue
}

/// Verify, query, history, who.
struct AuditCommand {
    let files: [String]
    let output: StandardOutput

    func run(_ action: AuditOptions.Action) -> CommandOutcome {
        do throws(AuditError) {
            switch action {
            case .verify(let head, let publicKey): return try verify(head, publicKey)
            case .query(let conditions, let format): return try query(conditions, format)
            case .lastPulled(let conditions, let format):
                return try lastPulled(conditions, format)
            case .history(let target): return try history(of: target)
            case .who(let target): return try who(target)
            }
        } catch {
            return CommandOutcome(.unavailable, standardError: "registry-proxy: \(error)\n")
        }
    }

    private func verify(
        _ head: TrailVerifier.Head?,
        _ publicKey: String?
    ) throws(AuditError) -> CommandOutcome {
        let key = try publicKey.map { (path) throws(AuditError) in try Self.key(in: path) }
        var verifier = TrailVerifier(head: head, key: key) { finding in
            let place = "\(finding.file):\(finding.line): seq \(finding.sequence)"
            output.write("\(place): \(finding.reason)\n")
        }
        let summary = try verifier.verify(files)
        if let torn = summary.tornAt {
            output.write("\(torn): the last line is torn, as a crash leaves it; set aside\n")
        }
        guard summary.findingCount == 0 else { return CommandOutcome(.no) }
        let first = summary.firstSequence.map(String.init) ?? "-"
        output.write(
            """
            ok: \(summary.recordCount) records, seq \(first) to \(summary.lastSequence), \
            \(summary.checkpointCount) checkpoints, \(summary.unsealedCount) records behind the \
            newest, \(summary.lostCount) not recorded (gap)
            head: \(summary.lastSequence):\(summary.lastCode)

            """
        )
        return CommandOutcome()
    }

    /// A public key in PEM.
    private static func key(in path: String) throws(AuditError) -> PublicKey {
        let bytes = try AuditFile.contents(of: path, limit: 64 * 1024)
        do throws(SigningKeyError) {
            return try PublicKey(pem: bytes)
        } catch {
            throw .key(path: path, error)
        }
    }

    private func query(
        _ conditions: AuditConditions,
        _ format: AuditFormat
    ) throws(AuditError) -> CommandOutcome {
        guard let query = TrailQuery(conditions) else { return wrongPattern(conditions) }
        try reader.forEach(query) { record, line in
            switch format {
            case .json: output.write(line)
            case .table: output.write(AuditTable.row(of: record, in: line).span)
            }
            output.write("\n")
        }
        return CommandOutcome()
    }

    /// The newest pull of each tag and digest, the oldest first: what nobody needs any more comes
    /// at the top.
    private func lastPulled(
        _ conditions: AuditConditions,
        _ format: AuditFormat
    ) throws(AuditError) -> CommandOutcome {
        guard var query = TrailQuery(conditions) else { return wrongPattern(conditions) }
        query.event = "manifest.pull"
        var newest: [Pulled: (order: Int, text: ByteString)] = [:]
        var order = 0
        try reader.forEach(query) { record, line in
            order += 1
            let text =
                format == .json
                ? ByteString(copying: line) : AuditTable.row(of: record, in: line)
            newest[Pulled(record, line)] = (order, text)
        }
        for entry in newest.values.sorted(by: { $0.order < $1.order }) {
            output.write(entry.text.span)
            output.write("\n")
        }
        return CommandOutcome()
    }

    private struct Pulled: Hashable {
        let repository: ByteString?
        let tag: ByteString?
        let digest: ByteString?

        init(_ record: RecordLine, _ line: borrowing Span<UInt8>) {
            repository = record.text(.repository, in: line)
            tag = record.text(.tag, in: line)
            digest = record.text(.digest, in: line)
        }
    }

    private func wrongPattern(_ conditions: AuditConditions) -> CommandOutcome {
        let pattern = conditions.repository ?? ""
        return CommandOutcome(
            .wrongUsage,
            standardError: "registry-proxy: --repository \(pattern) is no pattern (as in repos)\n"
        )
    }

    var reader: TrailReader {
        var reader = TrailReader(files)
        reader.skipped = { file, line in
            let text = "registry-proxy: \(file):\(line): no record\n"
            _ = CommandOutcome(standardError: text).emit()
        }
        return reader
    }
}

extension TrailQuery {
    /// - Returns: `nil` if the repository is no pattern.
    init?(_ conditions: AuditConditions) {
        self.init()
        user = conditions.user.map { ByteString($0) }
        event = conditions.event.map { ByteString($0) }
        outcome = conditions.outcome.map { ByteString($0) }
        digest = conditions.digest.map { ByteString($0) }
        from = conditions.from
        to = conditions.to
        guard let text = conditions.repository else { return }
        guard let pattern = try? RepositoryPattern(ByteString(text)) else { return nil }
        repositoryMatches = { name in
            pattern.matches(name.span, user: Span(), group: Span())
        }
    }
}
