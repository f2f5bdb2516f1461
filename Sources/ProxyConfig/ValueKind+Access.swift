import AccessControl
import Bytes

// The words that rules are made of.

/// What a user or group may be called (product.md, "Authentication").
func isUserOrGroupName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
}

let userOrGroupNameRule = "1 to 128 bytes without control characters"

/// What is wrong with a user's name, if something is.
///
/// A login is cut at its first colon (RFC 7617 section 2), so no user has one in the name.
private func problem(withUser name: String) -> String? {
    if ["anyone", "anonymous", "authenticated"].contains(name) {
        return "\(quoted(name)) is a reserved word and cannot be a user"
    }
    let isUser = isUserOrGroupName(name) && !name.utf8.contains(UInt8(ascii: ":"))
    return isUser ? nil : "\(quoted(name)) is no user name"
}

extension ValueKind<ByteString> {
    static let userName = scalar(
        type: "text",
        range: "1 … 128 bytes",
        allowed: "1 to 128 bytes without colon and control characters"
    ) { text, _ in
        problem(withUser: text).map { .wrong($0) } ?? .value(ByteString(text))
    }
}

extension ValueKind<Subject> {
    static let subject = scalar(
        type: "subject",
        allowed: "anyone, anonymous, authenticated, user:NAME or group:NAME"
    ) { text, _ in
        do throws(SubjectError) {
            let subject = try Subject(parsing: ByteString(text))
            if case .user(let name) = subject, let problem = problem(withUser: "\(name)") {
                return .wrong(problem)
            }
            return .value(subject)
        } catch {
            return .explained("\(quoted(text)): \(error)")
        }
    }
}

extension ValueKind<RepositoryPattern> {
    static let pattern = scalar(
        type: "pattern",
        allowed: "a pattern of repository names like team/**"
    ) { text, _ in
        do throws(PatternError) {
            return .value(try RepositoryPattern(ByteString(text)))
        } catch {
            return .explained("\(quoted(text)): \(error)")
        }
    }
}

extension ValueKind<Actions> {
    static let actions = scalar(
        type: "action",
        range: Actions.names,
        allowed: Actions.names
    ) { text, _ in
        Actions(named: ByteString(text)).map { .value($0) }
            ?? .wrong("\(quoted(text)) is not an action")
    }
}

extension ValueKind<DirectoryGroupReference> {
    static let directoryGroup = scalar(
        type: "directory group",
        allowed: "a DN like cn=web,ou=groups,dc=example,dc=com (RFC 4514), or a group's name"
    ) { text, _ in
        DirectoryGroupReference(parsing: ByteString(text)).map { .value($0) }
            ?? .wrong("\(quoted(text)) is no distinguished name")
    }
}

extension ValueKind<TagPattern> {
    static let tagPattern = scalar(
        type: "tag pattern",
        allowed: "a pattern of tags like v*, or @referrers"
    ) { text, _ in
        do throws(PatternError) {
            return .value(try TagPattern(ByteString(text)))
        } catch {
            return .explained("\(quoted(text)): \(error)")
        }
    }
}

extension ValueKind<Moment> {
    /// The last second of a date, or a second.
    static let lastMoment = scalar(
        type: "date or time",
        range: "2027-06-30 or 2027-06-30T12:00:00Z",
        allowed: "a date like 2027-06-30, or a time with Z or an offset like "
            + "2027-06-30T12:00:00+02:00"
    ) { text, _ in
        Moment(parsing: Array(text.utf8).span, dateIs: .last).map { .value($0) }
            ?? .wrong("\(quoted(text)) is no date and no time")
    }
}

extension ValueKind<ServerActions> {
    static let serverActions = scalar(
        type: "server action",
        range: ServerActions.names,
        allowed: ServerActions.names
    ) { text, _ in
        ServerActions(named: ByteString(text)).map { .value($0) }
            ?? .wrong("\(quoted(text)) is no action on the server")
    }
}

extension ValueKind<RuleTest> {
    static let ruleTest = ValueKind(type: "rule test", allowed: ruleTestAllowed) {
        node, place, reading in
        guard let scalar = reading.scalar(node, place, allowed: ruleTestAllowed) else { return nil }
        do throws(RuleTestError) {
            return try RuleTest(
                parsing: ByteString(scalar.text),
                at: reading.position(node.mark)
            )
        } catch {
            reading.refuse(node.mark, place, "\(quoted(scalar.text)): \(error)")
            return nil
        }
    }

    private static let ruleTestAllowed = "a line like \"ann may not push prod/api\""
}
