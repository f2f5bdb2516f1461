/// What an operation needs before it may go on: the column "Needs" of `protocol.md` 4.2.
public enum RequiredAccess: Sendable, Hashable {
    case nothing
    /// Some identity other than the anonymous one.
    case login
    /// Any identity; the list shows what that identity may pull.
    case listing
    case pull(RepositoryName)
    case create(RepositoryName)
    /// Create if the tag is new, overwrite if it exists; known only after asking the upstream.
    case createOrOverwrite(RepositoryName)
    case delete(RepositoryName)
    /// Create on the first, and pull on `from`: without the latter the mount becomes an ordinary
    /// upload.
    case mount(RepositoryName, from: RepositoryName)
}

extension RegistryOperation {
    public var requiredAccess: RequiredAccess {
        switch self {
        case .health, .options, .ping: .nothing
        case .base: .login
        case .catalog, .search: .listing
        case .tags(let name, _), .referrers(let name, _, _, _): .pull(name)
        case .manifest(.get, let name, _, _), .manifest(.head, let name, _, _): .pull(name)
        case .manifest(.put, let name, .tag, _): .createOrOverwrite(name)
        case .manifest(.put, let name, .digest, _): .create(name)
        case .manifest(.delete, let name, _, _): .delete(name)
        case .blob(.get, let name, _), .blob(.head, let name, _): .pull(name)
        case .blob(.delete, let name, _): .delete(name)
        case .uploadStart(let name, _, _): .create(name)
        case .uploadMount(let name, _, let from): .mount(name, from: from)
        case .upload(_, let name, _, _): .create(name)
        }
    }
}
