import AccessControl
import Bytes
import ProxyConfig

/// The labels of docker_auth's users, and the groups that they become here.
struct DockerAuthLabels {
    /// The users written in the file with their labels' values.
    private var users: [(name: ByteString, labels: [ByteString: Set<ByteString>])] = []
    /// Whether labels can only come from the file.
    let areComplete: Bool

    /// Other sources of users, which may bring labels of their own.
    private static let directories = [
        "ldap_auth", "mongo_auth", "xorm_auth", "ext_auth", "plugin_authn", "oidc_auth",
        "google_auth", "github_auth", "gitlab_auth", "gitea_auth",
    ]

    init(_ root: YAMLNode, _ file: ForeignFile) {
        areComplete = !Self.directories.contains { root[$0] != nil }
        for entry in file.entries(root["users"]) {
            var labels: [ByteString: Set<ByteString>] = [:]
            for label in file.entries(entry.value["labels"]) {
                labels[ByteString(label.key)] = Set(file.texts(label.value).map { ByteString($0) })
            }
            users.append((ByteString(entry.key), labels))
        }
    }

    /// The group that stands for a value of a label. Labels called `group` are what directories
    /// call groups; others get their label's name in front.
    func group(_ label: ByteString, _ value: ByteString) -> ByteString {
        isGroup(label) ? value : ByteString(label.bytes + [UInt8(ascii: "=")] + value.bytes)
    }

    func isGroup(_ label: ByteString) -> Bool { label == "group" || label == "groups" }

    /// The values of a label that users of the file have.
    func values(of label: ByteString) -> [ByteString] {
        Set(users.flatMap { $0.labels[label] ?? [] }).sorted()
    }

    /// The users of the file whose labels have a value in each of `wanted`.
    func users(with wanted: [(label: ByteString, language: GlobLanguage)]) -> [ByteString] {
        users.filter { user in
            wanted.allSatisfy { label, language in
                (user.labels[label] ?? []).contains { language.matches($0) }
            }
        }
        .map(\.name)
    }

    /// The groups to define, with their members.
    var groups: [ByteString: [ByteString]] {
        var groups: [ByteString: [ByteString]] = [:]
        for user in users {
            for (label, values) in user.labels {
                for value in values { groups[group(label, value), default: []].append(user.name) }
            }
        }
        return groups.mapValues { Set($0).sorted() }
    }
}
