import AccessControl
import Bytes
import HTTPWire
import Logbook
import RegistryAPI

/// With `access.hide`, what may not be pulled and what is not there look the same to the byte.
extension Exchange {
    /// The answer instead of a denial; `nil`: the denial itself.
    ///
    /// Reads only: whoever may write somewhere is to hear why not. Without credentials the answer
    /// is a 401 anyway, whether there is such a repository or not.
    var answerToHiddenRead: Refusal? {
        settings.policy.hidesRepositories ? Refusal.missing(record.operation) : nil
    }

    /// To be called when the head of the registry's answer is there, before it is relayed. Throws
    /// what is to be said instead, if it says that something is missing.
    ///
    /// Without hiding, only a 404 to referrers that is no JSON, as a registry without that API
    /// gives it: clients fall back to the tag schema on a JSON 404 whose code is not
    /// `NAME_UNKNOWN`.
    func replaceMissing() async throws(Interruption) {
        guard response.status == 404, let missing = Refusal.missing(record.operation),
            settings.policy.hidesRepositories
                || (record.operation == .referrers && !answersInJSON)
        else { return }
        _ = try await takeAnswer(bodyLimit: Self.missingLimit)
        throw .refused(missing)
    }

    private static let missingLimit = 64 * 1024

    private var answersInJSON: Bool {
        guard let bytes = upstream?.responseBytes, let type = response.fields.first(.contentType)
        else { return false }
        return bytes.bytes.extracting(type).starts(withIgnoringCase: "application/json")
    }
}

extension Refusal {
    /// What is asked for is not there, as CNCF Distribution says it, without detail.
    fileprivate static func missing(_ operation: OperationName?) -> Refusal? {
        switch operation {
        case .manifestGet, .manifestHead, .referrers:
            Refusal(404, .manifestUnknown, "manifest unknown")
        case .blobGet, .blobHead: Refusal(404, .blobUnknown, "blob unknown to registry")
        case .tags: Refusal(404, .nameUnknown, "repository name not known to registry")
        default: nil
        }
    }
}
