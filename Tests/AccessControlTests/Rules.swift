import AccessControl
import Bytes
import HTTPWire
import RegistryAPI

let here = SourcePosition(file: "test.yaml", line: 1, column: 1)

func rule(
    _ id: String,
    _ who: [String],
    except: [String] = [],
    _ repositories: [String],
    tags: [String]? = nil,
    _ effect: AccessRule.Effect,
    from: [String] = [],
    until: String? = nil,
    because: String? = nil
) -> AccessRule {
    do {
        return AccessRule(
            id: id,
            who: try who.map { try Subject(parsing: ByteString($0)) },
            except: try except.map { try Subject(parsing: ByteString($0)) },
            repositories: try repositories.map { try RepositoryPattern(ByteString($0)) },
            tags: try tags?.map { try TagPattern(ByteString($0)) },
            effect: effect,
            condition: RuleCondition(
                from: try from.map { try IPNetwork(parsing: Array($0.utf8).span) },
                until: until.map(moment)
            ),
            because: because,
            position: here
        )
    } catch {
        preconditionFailure("\(id): \(error)")
    }
}

func user(_ name: String, in groups: String...) -> Identity {
    Identity(
        user: ByteString(name),
        groups: groups.map { GroupMembership(name: ByteString($0)) },
        provider: .htpasswd
    )
}

func tag(_ text: String) -> Tag {
    guard let tag = Tag(validating: Array(text.utf8).span) else { preconditionFailure(text) }
    return tag
}

/// The last second of a date, or a second.
func moment(_ text: String) -> Moment {
    guard let moment = Moment(parsing: Array(text.utf8).span, dateIs: .last) else {
        preconditionFailure(text)
    }
    return moment
}

func address(_ text: String) -> IPAddress {
    guard let address = IPAddress(parsing: Array(text.utf8).span) else {
        preconditionFailure(text)
    }
    return address
}

extension AccessPolicy {
    /// - Parameter groups: with the users written there.
    convenience init(groups: [ByteString: [ByteString]], rules: [AccessRule]) {
        self.init(groups: groups.map { WrittenGroup(name: $0, users: $1) }, rules: rules)
    }

    func decision(
        _ identity: Identity,
        _ repository: String,
        tag: String? = nil,
        in circumstances: Circumstances = Circumstances()
    ) -> Decision {
        var decision = Decision()
        decide(
            identity, Array(repository.utf8).span,
            tag: tag.map(AccessControlTests.tag), in: circumstances, into: &decision)
        return decision
    }

    func granted(
        _ identity: Identity,
        _ repository: String,
        tag: String? = nil,
        in circumstances: Circumstances = Circumstances()
    ) -> Actions {
        decision(identity, repository, tag: tag, in: circumstances).granted
    }
}

/// SplitMix64: the same sequence for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
}

let sha256 = "sha256:" + String(repeating: "0123456789abcdef", count: 4)

func operation(_ method: HTTPWire.Method, _ target: String) throws -> RegistryOperation {
    let bytes = Array(target.utf8)
    let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
    return try RegistryOperation.route(
        method: method,
        head: bytes.span,
        path: Place(0, mark),
        query: mark < bytes.count ? Place(mark + 1, bytes.count) : nil
    )
}
