import ProxyConfig
import Secrets

extension SecretReference {
    /// The secret itself.
    ///
    /// - Parameter limit: bytes; a longer one is refused.
    func read(limit: Int = 64 * 1024) throws(SecretFileError) -> SecretBytes {
        switch place {
        case .file(let path): try SecretFile.read(path: path, limit: limit)
        case .variable(let name): try SecretVariable.read(name, limit: limit)
        }
    }

    /// The path of the file; `nil` if it is in none.
    var path: String? {
        if case .file(let path) = place { path } else { nil }
    }
}
