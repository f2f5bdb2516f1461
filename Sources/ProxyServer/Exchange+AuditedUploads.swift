import AuditTrail
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI

/// How large a blob is that was pushed in pieces. The registry tells after each piece how far it
/// is; what this process has not heard it asks for.
extension Exchange {
    /// More of an upload is about to be sent.
    func noteUploadGoesOn(_ operation: RegistryOperation) {
        receivedBefore = nil
        guard let audit = services.audit, case .upload(let verb, let name, let id, _) = operation,
            verb == .patch || verb == .put
        else { return }
        receivedBefore = audit.takeUpload(.init(repository: name.bytes, id: id.bytes))
    }

    /// The registry says in `bytes` where an upload goes on, and how far it is.
    func noteUpload(at location: Span<UInt8>, from bytes: Span<UInt8>) {
        guard let audit = services.audit, let routed, let name = routed.repository,
            let id = location.uploadID(in: name)
        else { return }
        var count: Int?
        switch routed {
        case .uploadStart, .uploadMount: if response.status == 202 { count = 0 }
        case .upload: count = receivedByteCount(in: bytes)
        default: break
        }
        if let count { audit.noteUpload(.init(repository: name.bytes, id: id), count) }
    }

    /// By the last position in `Range`; `0-0` means none or one. More than a body can have is not
    /// believed.
    private func receivedByteCount(in bytes: Span<UInt8>) -> Int? {
        guard let place = response.fields.first(.range) else { return nil }
        let range = bytes.extracting(place)
        guard let dash = range.lastIndex(of: UInt8(ascii: "-")),
            let last = range.extracting(dash + 1..<range.count).decimalValue,
            last < BodyFraming.longest
        else { return nil }
        return last > 0 ? last + 1 : receivedBefore == 0 ? reader.payloadByteCount : nil
    }

    /// The size of the blob that the registry has just accepted; `nil` if it cannot be found out.
    func pushedByteCount() async -> Int? {
        switch routed {
        case .uploadStart: return reader.payloadByteCount
        case .upload(.put, let name, _, let query):
            if let receivedBefore { return receivedBefore + reader.payloadByteCount }
            guard let digest = query.digest else { return nil }
            return await askForSize(of: digest, in: name)
        default: return nil
        }
    }

    /// Asks on another connection: the answer to the client's own request is still to be relayed.
    private func askForSize(of digest: Digest, in name: RepositoryName) async -> Int? {
        let (answered, answer, wasSent, time) = (
            upstream, response, hasSentRequest, record.upstream
        )
        upstream = nil
        defer {
            releaseUpstream(isClean: false)
            (upstream, response, hasSentRequest) = (answered, answer, wasSent)
            record.upstream = time
        }
        let deadline = Deadline(name: .blobSize, instant: now.advanced(by: Self.longestLook))
        do throws(Interruption) {
            try await putQuestion(
                .head, .blob(.head, name, digest), accept: nil, until: deadline)
            let byteCount = response.status == 200 ? response.contentLength : nil
            _ = try await takeAnswer(bodyLimit: 0, until: deadline)
            return byteCount
        } catch {
            return nil
        }
    }

    private static let longestLook: Int64 = 2_000_000_000
}
