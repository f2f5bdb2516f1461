public import Bytes
public import RegistryAPI

/// One line of `access.tests`: a question and the answer that the operator expects.
///
///     SUBJECT [in G1[, G2...]] may [not] ACTION REPO[:TAG] [from IP] [at DATETIME]
///     SUBJECT may [not] catalog|admin
public struct RuleTest: Sendable {
    /// As the operator wrote it.
    public let text: ByteString
    public let identity: Identity
    public let object: Object
    public let circumstances: Circumstances
    public let expectsAllowed: Bool
    public let position: SourcePosition

    /// What it asks about.
    public enum Object: Sendable {
        /// Allowed only if every one of the actions is.
        case repository(Actions, RepositoryName, Tag?)
        case server(ServerActions)
    }

    /// Without `at`, no `until` counts as passed: else a restart would fail on a date. A date
    /// without a time is its first second.
    public init(parsing text: ByteString, at position: SourcePosition) throws(RuleTestError) {
        self.text = text
        self.position = position
        let (front, back) = try text.bytes.cut(at: "may", or: .noMay)
        var words = back.split(separator: UInt8(ascii: " "))[...]
        expectsAllowed = words.first != Array("not".utf8)[...]
        if !expectsAllowed { words.removeFirst() }
        identity = try Self.identity(front)
        guard let action = words.popFirst() else { throw .noAction }
        if let server = ServerActions(named: ByteString(Array(action))) {
            if let word = words.first { throw .superfluous(ByteString(Array(word))) }
            object = .server(server)
            circumstances = Circumstances()
            return
        }
        guard let actions = Actions(named: ByteString(Array(action))) else {
            throw .unknownAction(ByteString(Array(action)))
        }
        guard let place = words.popFirst() else { throw .noRepository }
        let (name, tag) = try Self.place(place)
        object = .repository(actions, name, tag)
        circumstances = try Self.circumstances(&words)
    }

    /// `ann`, `anonymous`, `dave in team-web, team-db`.
    private static func identity(_ text: ArraySlice<UInt8>) throws(RuleTestError) -> Identity {
        var user = text.trimmed
        var groups: [GroupMembership] = []
        if let (front, back) = try? text.cut(at: "in", or: .noMay) {
            user = front.trimmed
            for name in back.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
                guard !name.trimmed.isEmpty else { throw .emptyGroup }
                groups.append(
                    GroupMembership(name: ByteString(Array(name.trimmed)), source: .argument))
            }
        }
        switch ByteString(Array(user)) {
        case "": throw .noSubject
        case "anonymous":
            guard groups.isEmpty else { throw .anonymousInGroup }
            return .anonymous
        case "anyone", "authenticated": throw .notAUser(ByteString(Array(user)))
        case let name where name.span.firstIndex(of: UInt8(ascii: ":")) != nil:
            throw .notAUser(name)
        case let name: return Identity(user: name, groups: groups, provider: nil)
        }
    }

    private static func place(
        _ word: ArraySlice<UInt8>
    ) throws(RuleTestError) -> (RepositoryName, Tag?) {
        let colon = word.firstIndex(of: UInt8(ascii: ":"))
        let text = ByteString(Array(word[..<(colon ?? word.endIndex)]))
        guard let name = RepositoryName(validating: text.span) else { throw .badRepository(text) }
        guard let colon else { return (name, nil) }
        let tagText = ByteString(Array(word[(colon + 1)...]))
        guard let tag = Tag(validating: tagText.span) else { throw .badTag(tagText) }
        return (name, tag)
    }

    private static func circumstances(
        _ words: inout ArraySlice<ArraySlice<UInt8>>
    ) throws(RuleTestError) -> Circumstances {
        var circumstances = Circumstances()
        if words.first == Array("from".utf8)[...] {
            words.removeFirst()
            let text = ByteString(Array(words.popFirst() ?? []))
            guard let client = IPAddress(parsing: text.span) else { throw .badAddress(text) }
            circumstances.client = client
        }
        if words.first == Array("at".utf8)[...] {
            words.removeFirst()
            let text = ByteString(Array(words.popFirst() ?? []))
            guard let now = Moment(parsing: text.span, dateIs: .first) else {
                throw .badMoment(text)
            }
            circumstances.now = now
        }
        if let word = words.first { throw .superfluous(ByteString(Array(word))) }
        return circumstances
    }
}

extension ArraySlice<UInt8> {
    fileprivate var trimmed: ArraySlice<UInt8> {
        let blank = UInt8(ascii: " ")
        guard let first = firstIndex(where: { $0 != blank }),
            let last = lastIndex(where: { $0 != blank })
        else { return [] }
        return self[first...last]
    }

    /// What stands before and behind the first `word` that stands alone.
    fileprivate func cut(
        at word: String,
        or error: RuleTestError
    ) throws(RuleTestError) -> (ArraySlice<UInt8>, ArraySlice<UInt8>) {
        let wanted = Array(" \(word) ".utf8)
        for start in indices where self[start...].starts(with: wanted) {
            return (self[..<start], self[(start + wanted.count)...])
        }
        throw error
    }
}

extension [UInt8] {
    fileprivate func cut(
        at word: String,
        or error: RuleTestError
    ) throws(RuleTestError) -> (ArraySlice<UInt8>, ArraySlice<UInt8>) {
        try self[...].cut(at: word, or: error)
    }
}
