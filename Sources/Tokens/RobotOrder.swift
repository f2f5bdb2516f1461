public import AccessControl
public import Bytes

/// What somebody wants a robot token to be, checked.
public struct RobotOrder: Sendable {
    /// For people: 1 to 128 bytes.
    public let name: ByteString
    public let actions: Actions
    /// Patterns as in rules; at least one.
    public let repositories: [RepositoryPattern]
    /// Patterns as in rules; `nil`: all, and what has none.
    public let tags: [TagPattern]?
    /// Empty: from anywhere.
    public let networks: [IPNetwork]
    /// The last second in which it is good.
    public let expiry: Moment

    /// The most patterns and networks of each kind.
    public static let mostEntries = 64
    /// How far away the end of a token may be, in seconds.
    public static let longestLife: Int64 = 10 * 366 * 86_400

    /// - Parameters:
    ///   - actions: names as in rules.
    ///   - expires: a duration (`90d`) or a date (`2027-06-30`).
    ///   - isStored: it was given before, perhaps to a program that asked less of it.
    public init(
        name: ByteString,
        actions: [ByteString],
        repositories: [ByteString],
        tags: [ByteString],
        networks: [ByteString],
        expires: ByteString,
        now: Moment,
        isStored: Bool = false
    ) throws(RobotOrderError) {
        if !isStored { try Self.refuseUnprintable(name, repositories: repositories, tags: tags) }
        guard Self.isName(name) else { throw RobotOrderError("name", "1 to 128 printable bytes") }
        self.name = name
        self.actions = try Self.actions(actions)
        guard !repositories.isEmpty else {
            throw RobotOrderError("repositories", "at least one pattern like team/**")
        }
        self.repositories = try Self.read(repositories, "repositories") {
            text throws(PatternError) in try RepositoryPattern(text)
        }
        let tagPatterns = try Self.read(tags, "tags") { text throws(PatternError) in
            try TagPattern(text)
        }
        self.tags = tagPatterns.isEmpty ? nil : tagPatterns
        self.networks = try Self.read(networks, "networks") { text throws(IPNetwork.Problem) in
            try IPNetwork(parsing: text.span)
        }
        expiry = try Self.expiry(expires, now)
    }

    /// Reads the body of a request: `{"name":…,"actions":[…],"repositories":[…],"expires":…}`, and
    /// perhaps `tags` and `networks`.
    public init(json: borrowing Span<UInt8>, now: Moment) throws(RobotOrderError) {
        guard case .object(let members)? = JSONValue(parsing: json) else {
            throw RobotOrderError("the body", "one JSON object")
        }
        let known: [ByteString] = [
            "name", "actions", "repositories", "tags", "networks", "expires",
        ]
        for member in members where !known.contains(member.name) {
            let names = known.map(\.description).joined(separator: ", ")
            throw RobotOrderError("the member \(quoted(member.name))", "one of \(names)")
        }
        let object = JSONValue.object(members)
        func list(_ name: ByteString) throws(RobotOrderError) -> [ByteString] {
            switch object[name] {
            case nil, .null: return []
            case let value?:
                guard let texts = value.texts else {
                    throw RobotOrderError("\(name)", "an array of strings")
                }
                return texts
            }
        }
        try self.init(
            name: object["name"]?.text ?? "",
            actions: try list("actions"),
            repositories: try list("repositories"),
            tags: try list("tags"),
            networks: try list("networks"),
            expires: object["expires"]?.text ?? "",
            now: now
        )
    }

    /// People look at lists of tokens, and names of repositories and tags are visible ASCII.
    private static func refuseUnprintable(
        _ name: ByteString,
        repositories: [ByteString],
        tags: [ByteString]
    ) throws(RobotOrderError) {
        guard name.description.unicodeScalars.allSatisfy(\.isPrintable) else {
            throw RobotOrderError("name", "1 to 128 printable bytes")
        }
        for (key, texts) in [("repositories", repositories), ("tags", tags)]
        where !texts.allSatisfy({ $0.bytes.allSatisfy { (0x21...0x7E).contains($0) } }) {
            throw RobotOrderError(key, "visible ASCII")
        }
    }

    private static func isName(_ name: ByteString) -> Bool {
        (1...128).contains(name.count) && (try? UTF8Span(validating: name.span)) != nil
            && name.description.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value)
            }
    }

    private static func actions(_ names: [ByteString]) throws(RobotOrderError) -> Actions {
        var actions: Actions = []
        for name in names {
            guard let action = Actions(named: name) else {
                throw RobotOrderError("actions", Actions.names)
            }
            actions.formUnion(action)
        }
        guard !actions.isEmpty else { throw RobotOrderError("actions", "some of \(Actions.names)") }
        return actions
    }

    private static func read<Value, Problem: Error>(
        _ texts: [ByteString],
        _ key: String,
        _ parse: (ByteString) throws(Problem) -> Value
    ) throws(RobotOrderError) -> [Value] {
        guard texts.count <= mostEntries else {
            throw RobotOrderError(key, "\(mostEntries) entries at most")
        }
        var values: [Value] = []
        for text in texts {
            do throws(Problem) {
                values.append(try parse(text))
            } catch {
                throw RobotOrderError(key, "each as in a rule: \(text) is none")
            }
        }
        return values
    }

    private static func expiry(_ text: ByteString, _ now: Moment) throws(RobotOrderError) -> Moment
    {
        let allowed = "a duration like 90d or a date like 2027-06-30, in the future"
        let end =
            Self.seconds(text).map { now.secondsSince1970 + $0 }
            ?? Moment(parsing: text.span, dateIs: .last)?.secondsSince1970
        guard let end, end > now.secondsSince1970,
            end <= now.secondsSince1970 + longestLife
        else { throw RobotOrderError("expires", allowed) }
        return Moment(secondsSince1970: end)
    }

    /// A duration: a whole number and `s`, `m`, `h`, `d` or `w`.
    private static func seconds(_ text: ByteString) -> Int64? {
        let bytes = text.bytes
        guard let unit = bytes.last, bytes.count <= 12,
            let number = Array(bytes.dropLast()).span.decimalValue
        else { return nil }
        let factor: Int64
        switch unit {
        case UInt8(ascii: "s"): factor = 1
        case UInt8(ascii: "m"): factor = 60
        case UInt8(ascii: "h"): factor = 3600
        case UInt8(ascii: "d"): factor = 86_400
        case UInt8(ascii: "w"): factor = 7 * 86_400
        default: return nil
        }
        return Int64(number) * factor
    }
}

/// What of an order is wrong.
public struct RobotOrderError: Error, Equatable, CustomStringConvertible {
    /// The key that is wrong.
    public let key: String
    public let allowed: String

    init(_ key: String, _ allowed: String) {
        self.key = key
        self.allowed = allowed
    }

    public var description: String { "\(key) is missing or wrong (\(allowed))" }
}
