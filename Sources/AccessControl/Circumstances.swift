public import Bytes

/// What a decision depends on besides who, what and where: given to it, never asked for, so that
/// the same question always has the same answer.
public struct Circumstances: Sendable, Hashable {
    /// Where the request comes from. `nil`: not known, or a unix socket; no rule with `when.from`
    /// matches then.
    public var client: IPAddress?
    /// `nil`: as if no `until` had passed yet.
    public var now: Moment?

    public init(client: IPAddress? = nil, now: Moment? = nil) {
        self.client = client
        self.now = now
    }
}

/// The `when` of a rule: both parts must hold.
public struct RuleCondition: Sendable, Hashable {
    /// Empty: from anywhere.
    public let from: [IPNetwork]
    /// The last second in which the rule matches; `nil`: it always does.
    public let until: Moment?

    public init(from: [IPNetwork] = [], until: Moment? = nil) {
        self.from = from
        self.until = until
    }

    /// Restricts nothing.
    public static let always = RuleCondition()

    func holds(in circumstances: Circumstances) -> Bool {
        admits(circumstances.client) && !hasPassed(at: circumstances.now)
    }

    func admits(_ client: IPAddress?) -> Bool {
        if from.isEmpty { return true }
        guard let client else { return false }
        for index in from.indices where from[index].contains(client) { return true }
        return false
    }

    func hasPassed(at now: Moment?) -> Bool {
        guard let until, let now else { return false }
        return now > until
    }
}
