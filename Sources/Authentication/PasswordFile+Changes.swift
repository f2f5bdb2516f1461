public import Bytes

/// Who came, who went and who has another password; for the log.
public struct UserChanges: Sendable, Equatable {
    /// Each in byte order.
    public let added: [ByteString]
    public let removed: [ByteString]
    public let changed: [ByteString]
}

extension PasswordFile {
    /// What is otherwise in `old`; `nil` stands for no users at all.
    public static func changes(from old: PasswordFile?, to new: PasswordFile?) -> UserChanges {
        let before = old?.hashes ?? [:]
        let after = new?.hashes ?? [:]
        return UserChanges(
            added: after.keys.filter { before[$0] == nil }.sorted(),
            removed: before.keys.filter { after[$0] == nil }.sorted(),
            changed: after.filter { before[$0.key] != nil && before[$0.key] != $0.value }
                .map(\.key).sorted()
        )
    }
}
