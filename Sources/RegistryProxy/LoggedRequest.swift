import AccessControl
import Bytes
import ProxyConfig
import RegistryAPI

/// One line of the access log, as far as the rules are concerned.
struct LoggedRequest {
    let id: String
    let time: String
    let identity: Identity
    let circumstances: Circumstances
    let operation: String
    let repository: RepositoryName
    let reference: String?
    /// The tag that is made, moved or deleted.
    let tag: Tag?
    /// What it needs: of several, one suffices.
    let needed: Actions
    /// The directory was asked for the user's groups then, and the log does not hold them.
    let mayHaveDirectoryGroups: Bool

    /// - Returns: `nil` if the line is none of ours, or about no repository's rights.
    init?(line: [UInt8]) {
        let tree = YAMLTree.read(line)
        guard let root = tree.root, tree.problems.isEmpty,
            let operation = Self.text(root["operation"]),
            let name = Self.text(root["repository"]).map({ ByteString($0) }),
            let repository = RepositoryName(validating: name.span)
        else { return nil }
        let reference = Self.text(root["reference"])
        let isByDigest = reference?.utf8.contains(UInt8(ascii: ":")) ?? true
        switch operation {
        case "manifest.get", "manifest.head", "blob.get", "blob.head", "tags", "referrers":
            needed = .pull
        case "manifest.put": needed = isByDigest ? .create : .push
        case "upload.start", "upload.mount", "upload.status", "upload.patch", "upload.put",
            "upload.cancel":
            needed = .create
        case "manifest.delete", "blob.delete": needed = .delete
        default: return nil
        }
        let setsTag = operation == "manifest.put" || operation == "manifest.delete"
        let label = ByteString(reference ?? "")
        tag = setsTag && !isByDigest ? Tag(validating: label.span) : nil
        id = Self.text(root["id"]) ?? ""
        time = Self.text(root["ts"]) ?? ""
        identity =
            Self.text(root["user"]).map { Identity(user: ByteString($0), provider: nil) }
            ?? .anonymous
        mayHaveDirectoryGroups = Self.text(root["auth"]) == "ldap"
        let client = ByteString(Self.text(root["client"]) ?? "")
        // Without the fraction of the second.
        let second = ByteString("\(time.prefix(19))Z")
        circumstances = Circumstances(
            client: IPAddress(parsing: client.span),
            now: Moment(parsing: second.span, dateIs: .first)
        )
        self.operation = operation
        self.repository = repository
        self.reference = reference
    }

    /// What of `needed` the rules grant.
    func granted(by policy: AccessPolicy, _ scratch: inout Decision) -> Actions {
        policy.decide(
            identity,
            repository.bytes.span,
            tag: tag,
            in: circumstances,
            into: &scratch
        )
        return scratch.granted.intersection(needed)
    }

    private static func text(_ node: YAMLNode?) -> String? {
        guard case .scalar(let text, _)? = node?.content else { return nil }
        return text
    }
}
