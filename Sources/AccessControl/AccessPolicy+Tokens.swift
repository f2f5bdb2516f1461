import Bytes
import RegistryAPI

/// What is put into tokens.
extension AccessPolicy {
    /// What `identity` may do in `repository` at least with some tag: what a token may be for. The
    /// tag is not known when a token is asked for; at its use it is.
    public func actionsForSomeTag(
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        in circumstances: Circumstances,
        scratch: inout Decision
    ) -> Actions {
        guard RepositoryName.isValid(repository) else { return [] }
        decide(identity, repository, in: circumstances, into: &scratch)
        return scratch.granted.union(scratch.grantedForSomeTag)
    }

    /// Whether `identity` may list repositories, each of which is then decided about.
    public func mayList(_ identity: Identity, scratch: inout Decision) -> Bool {
        !identity.isAnonymous || letsAnonymousPullSomething
            || serverActions(of: identity, scratch: &scratch).contains(.catalog)
    }

    /// Other rules have other bytes, the same rules the same ones in every program that reads them.
    /// Where they stand in their file makes no difference.
    public var canonicalText: [UInt8] {
        var text: [UInt8] = []
        func add(_ part: ByteString) {
            text += (0..<4).map { UInt8(truncatingIfNeeded: part.count >> (24 - 8 * $0)) }
            text += part.bytes
        }
        func add(_ part: String) { add(ByteString(part)) }
        for group in groups {
            add("group")
            add(group.name)
            for user in group.users { add(user) }
            for reference in group.directoryGroups {
                switch reference {
                case .distinguishedName(let name): add(name.normalised)
                case .name(let name): add(name)
                }
            }
        }
        for rule in rules {
            add("rule")
            add(rule.logID)
            add("\(rule.who) \(rule.except) \(rule.effect)")
            for pattern in rule.repositories { add(pattern.text) }
            add(rule.tags == nil ? "any tag" : "tags")
            for pattern in rule.tags ?? [] { add(pattern.text) }
            add("\(rule.condition.from) \(rule.condition.until?.description ?? "")")
        }
        for grant in server { add("\(grant.who) \(grant.except) \(grant.actions.rawValue)") }
        return text
    }
}
