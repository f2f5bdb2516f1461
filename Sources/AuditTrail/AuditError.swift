import Logbook
public import Secrets

/// Why a trail cannot be written or read.
public enum AuditError: Error, Equatable, CustomStringConvertible {
    /// A system call failed on this file, with this errno value.
    case system(call: String, path: String, code: Int32)
    /// Another process writes to it.
    case inUse(path: String)
    /// It ends in a whole line that is no record; going on would break the chain.
    case notATrail(path: String)
    /// A compressed file is damaged at this place of its contents.
    case damagedCompression(path: String)
    /// The file holds no such key.
    case key(path: String, SigningKeyError)
    /// No thread could be started, for this reason.
    case noThread(String)

    public var description: String {
        switch self {
        case .system(let call, let path, let code): "\(path): \(call): \(systemErrorText(code))"
        case .inUse(let path):
            "\(path): another process writes to this trail (one writer for each file)"
        case .notATrail(let path):
            "\(path): the last line is no record of a trail (move the file away to begin anew)"
        case .damagedCompression(let path): "\(path): the compressed data are damaged"
        case .key(let path, let error): "\(path): \(error)"
        case .noThread(let reason): reason
        }
    }
}
