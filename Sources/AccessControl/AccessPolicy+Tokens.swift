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
        var text = CanonicalText()
        for group in groups {
            text.add("group")
            text.add(group.name)
            text.add(group.users) { $0.add($1) }
            text.add(group.directoryGroups) { text, reference in
                switch reference {
                case .distinguishedName(let name): text.add(name.normalised)
                case .name(let name): text.add(name)
                }
            }
        }
        for rule in rules {
            text.add("rule")
            text.add(rule.logID)
            text.add(rule.who, except: rule.except)
            switch rule.effect {
            case .allow(let actions): text.add("allow", Int(actions.rawValue))
            case .deny(let actions): text.add("deny", Int(actions.rawValue))
            }
            text.add(rule.repositories) { $0.add($1.text) }
            text.add(rule.tags == nil ? "any tag" : "tags")
            text.add(rule.tags ?? []) { $0.add($1.text) }
            text.add(rule.condition.from) { $0.add(ByteString($1.description)) }
            text.add(ByteString(rule.condition.until?.description ?? ""))
        }
        for grant in server {
            text.add("server", Int(grant.actions.rawValue))
            text.add(grant.who, except: grant.except)
        }
        return text.bytes
    }
}

/// Parts one after the other, each with its length before it, and so each list: no two different
/// ones have the same bytes.
private struct CanonicalText {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ part: ByteString) {
        add(number: part.count)
        bytes += part.bytes
    }

    mutating func add(_ part: ByteString, _ number: Int) {
        add(part)
        add(number: number)
    }

    mutating func add<Element>(_ list: [Element], _ add: (inout Self, Element) -> Void) {
        self.add(number: list.count)
        for element in list { add(&self, element) }
    }

    mutating func add(_ who: [Subject], except: [Subject]) {
        for subjects in [who, except] { add(subjects) { $0.add($1) } }
    }

    private mutating func add(_ subject: Subject) {
        switch subject {
        case .anyone: add("anyone")
        case .anonymous: add("anonymous")
        case .authenticated: add("authenticated")
        case .user(let name):
            add("user")
            add(name)
        case .group(let name):
            add("group")
            add(name)
        }
    }

    private mutating func add(number: Int) {
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
