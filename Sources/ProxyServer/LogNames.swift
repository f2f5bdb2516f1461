import AccessControl
import Logbook
import NetIO
import RegistryAPI

// What the access log and the metrics call the values of other floors.

extension RegistryOperation {
    var logName: OperationName {
        switch self {
        case .base: .base
        case .health: .health
        case .options: .options
        case .catalog: .catalog
        case .ping, .search: .search
        case .tags: .tags
        case .referrers: .referrers
        case .manifest(.get, _, _, _): .manifestGet
        case .manifest(.head, _, _, _): .manifestHead
        case .manifest(.put, _, _, _): .manifestPut
        case .manifest(.delete, _, _, _): .manifestDelete
        case .blob(.get, _, _): .blobGet
        case .blob(.head, _, _): .blobHead
        case .blob(.delete, _, _): .blobDelete
        case .uploadStart: .uploadStart
        case .uploadMount: .uploadMount
        case .upload(.status, _, _, _), .upload(.statusHead, _, _, _): .uploadStatus
        case .upload(.patch, _, _, _): .uploadPatch
        case .upload(.put, _, _, _): .uploadPut
        case .upload(.cancel, _, _, _): .uploadCancel
        }
    }
}

extension Identity.Provider {
    var logName: AccessRecord.Login {
        switch self {
        case .htpasswd: .htpasswd
        case .ldap: .ldap
        case .certificate: .certificate
        case .token: .token
        }
    }
}

extension TimeoutName {
    /// What the log says of an exchange that it has ended; `nil` where that is not told apart from
    /// other ends, or never happens.
    var outcome: AccessRecord.Outcome? {
        switch self {
        case .requestHead: .timeout(.requestHead)
        case .stall: .timeout(.stall)
        case .upstreamConnect: .timeout(.upstreamConnect)
        case .upstreamResponse: .timeout(.upstreamResponse)
        case .manifestBody: .timeout(.manifestBody)
        case .upstreamCommit: .timeout(.upstreamCommit)
        case .linger: .timeout(.linger)
        case .drain: .timeout(.drain)
        case .tlsHandshake, .idle, .upstreamIdle, .lock, .tagSearch, .blobSize, .login, .connect:
            nil
        }
    }
}
