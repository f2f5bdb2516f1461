public import AccessControl
public import Bytes
import NetIO
import Secrets

/// A user whom the directory knows.
public struct DirectoryUser: Sendable, Equatable {
    /// The value of `users.attribute`: the user, whatever spelling the client sent.
    public let name: ByteString
    /// The name of the entry.
    public let dn: ByteString
    public let groups: [DirectoryGroup]
}

public struct DirectoryGroup: Sendable, Hashable {
    /// Empty if the group can only be named by its DN.
    public let name: ByteString
    public let dn: ByteString

    /// As the rules see it.
    public var membership: GroupMembership {
        GroupMembership(name: name, distinguishedName: DistinguishedName(parsing: dn))
    }
}

/// What a directory says to a login.
enum DirectoryAnswer: Sendable, Equatable {
    case user(DirectoryUser)
    case unknownUser
    case refused(LoginRefusal)
}

/// One login at one server, from the name to the groups.
struct DirectoryLogin {
    let settings: DirectorySettings
    let server: DirectoryServer
    let user: ByteString
    /// `nil`: only look the user up.
    let password: SecretBytes?
    /// Of the whole login.
    let deadline: Instant
    let trace: Trace

    /// Asks. The user's password is sent at most once, on a connection of its own.
    func run() throws(LDAPError) -> DirectoryAnswer {
        switch settings.users.login {
        case .found(let search): return try searchThenBind(search)
        case .dn(let template):
            let dn = ByteString(LDAPTemplate(template).distinguishedName(user: user))
            let entry = LDAPSearch(
                base: dn,
                isSubtree: false,
                filter: "(objectClass=*)",
                attributes: attributes,
                limit: 2
            )
            return try bindThenRead(as: dn, isEntryName: true, reading: entry)
        case .name(let template, let search):
            guard let name = LDAPTemplate(template).loginName(user: user) else {
                return .unknownUser
            }
            return try bindThenRead(
                as: ByteString(name),
                isEntryName: false,
                reading: self.search(search)
            )
        }
    }

    private func searchThenBind(
        _ search: DirectorySettings.Users.Search
    ) throws(LDAPError) -> DirectoryAnswer {
        var (service, entries) = try find(self.search(search))
        guard let entry = entries.popLast() else {
            trace.done(.search, "no entry")
            server.giveBack(service)
            return .unknownUser
        }
        let owner: Owner
        switch Owner.of(entry, others: entries.count, settings.users.attribute) {
        case .refused(let refusal):
            trace.done(.search, refusal.rawValue)
            server.giveBack(service)
            return .refused(refusal)
        case .owner(let found): owner = found
        }
        trace.done(.search, owner.dn.description)
        if let password {
            let connection = try server.connect(by: deadline, trace)
            let refusal = try bind(connection, as: owner.dn, isEntryName: true, password)
            connection.close()
            if let refusal {
                server.giveBack(service)
                return .refused(refusal)
            }
        }
        return try finish(owner, entry, on: &service, isService: true)
    }

    /// Where the name to bind with is made from the user's: the entry is read afterwards, by the
    /// service account, or where there is none by the user.
    private func bindThenRead(
        as name: ByteString,
        isEntryName: Bool,
        reading search: LDAPSearch
    ) throws(LDAPError) -> DirectoryAnswer {
        var own: LDAPConnection?
        if let password {
            let connection = try server.connect(by: deadline, trace)
            if let refusal = try bind(connection, as: name, isEntryName: isEntryName, password) {
                connection.close()
                return .refused(refusal)
            }
            own = connection
        }
        defer { own?.close() }
        do throws(LDAPError) {
            return try read(search, own, isEntryName: isEntryName)
        } catch {
            throw password == nil ? error : error.afterBind
        }
    }

    private func read(
        _ search: LDAPSearch,
        _ own: LDAPConnection?,
        isEntryName: Bool
    ) throws(LDAPError) -> DirectoryAnswer {
        var connection: LDAPConnection
        var entries: [LDAPEntry]
        let isService = settings.service != nil || own == nil
        if let own, !isService {
            connection = own
            entries = try results(of: search, on: own, as: .entry)
        } else {
            (connection, entries) = try find(search)
        }
        guard let entry = entries.popLast() else {
            if isService { server.giveBack(connection) }
            if password == nil { return .unknownUser }
            throw LDAPError(.entry, .unreadableEntry)
        }
        switch Owner.of(entry, others: entries.count, settings.users.attribute) {
        case .refused(let refusal):
            trace.done(.entry, refusal.rawValue)
            if isService { server.giveBack(connection) }
            return .refused(refusal)
        case .owner(let owner):
            trace.done(.entry, owner.dn.description)
            return try finish(owner, entry, on: &connection, isService: isService)
        }
    }

    private func finish(
        _ owner: Owner,
        _ entry: LDAPEntry,
        on connection: inout LDAPConnection,
        isService: Bool
    ) throws(LDAPError) -> DirectoryAnswer {
        do throws(LDAPError) {
            let groups = try GroupSearch(
                settings: settings.groups,
                connection: connection,
                deadline: deadline,
                operationTimeout: settings.operationTimeout
            )
            .groups(of: owner, entry)
            if settings.groups.strategy != .none { trace.done(.groups, "\(groups.count)") }
            if isService { server.giveBack(connection) }
            return .user(DirectoryUser(name: owner.name, dn: owner.dn, groups: groups))
        } catch {
            throw password == nil ? error : error.afterBind
        }
    }
}

/// The requests of a login.
extension DirectoryLogin {
    private var attributes: [String] {
        let more = settings.groups.strategy == .memberOf ? ["memberOf"] : []
        return [settings.users.attribute] + more
    }

    /// At most two entries: a second one is one too many already.
    private func search(_ search: DirectorySettings.Users.Search) -> LDAPSearch {
        LDAPSearch(
            base: ByteString(search.base),
            filter: ByteString(LDAPTemplate(search.filter).filter(user: user)),
            attributes: attributes,
            limit: 2
        )
    }

    /// Searches on a connection that waits, and once more on a new one if that has died.
    private func find(
        _ search: LDAPSearch
    ) throws(LDAPError) -> (connection: LDAPConnection, entries: [LDAPEntry]) {
        let (connection, isUsed) = try server.borrow(by: deadline, trace)
        do throws(LDAPError) {
            return (connection, try results(of: search, on: connection, as: .search))
        } catch {
            guard isUsed, error.isDeadConnection else { throw error }
        }
        let (fresh, _) = try server.borrow(by: deadline, trace, fresh: true)
        return (fresh, try results(of: search, on: fresh, as: .search))
    }

    private func results(
        of search: LDAPSearch,
        on connection: LDAPConnection,
        as step: DirectoryStep
    ) throws(LDAPError) -> [LDAPEntry] {
        let (entries, result) = try connection.search(search, as: step, by: operationDeadline)
        switch result.code {
        case ResultCode.success: return entries
        // More than two: the two that came say enough.
        case ResultCode.sizeLimitExceeded where entries.count > 1: return entries
        case ResultCode.noSuchObject where !search.isSubtree: return []
        default:
            throw LDAPError(step, .result(code: result.code, diagnostic: result.diagnostic))
        }
    }

    /// - Returns: why it was refused; `nil`: it was accepted, and the server says for whom.
    private func bind(
        _ connection: LDAPConnection,
        as name: ByteString,
        isEntryName: Bool,
        _ password: SecretBytes
    ) throws(LDAPError) -> LoginRefusal? {
        do throws(LDAPError) {
            let result = try connection.bind(
                dn: name,
                password: password.bytes,
                as: .bind,
                by: operationDeadline
            )
            switch BindOutcome(result) {
            case .refused(let refusal):
                trace.done(.bind, refusal.rawValue)
                return refusal
            case .failed(let error): throw error
            case .accepted: trace.done(.bind, name.description)
            }
            let answer = try connection.whoAmI(by: operationDeadline)
            let refusal = Self.problem(with: answer, expecting: isEntryName ? name : nil)
            trace.done(
                .whoAmI, refusal?.rawValue ?? answer.authorization?.description ?? "not told")
            return refusal
        } catch {
            throw error.afterBind
        }
    }

    /// A server that takes a bind for an anonymous one, or for somebody else's, has accepted
    /// nothing. One that does not know the question is believed.
    static func problem(with answer: LDAPResult, expecting dn: ByteString?) -> LoginRefusal? {
        guard answer.code == ResultCode.success, let name = answer.authorization else {
            return answer.code == ResultCode.success ? .anonymous : nil
        }
        if name.isEmpty || name == "dn:" { return .anonymous }
        guard let dn, name.bytes.starts(with: "dn:".utf8) else { return nil }
        let told = ByteString(Array(name.bytes.dropFirst(3)))
        return told.isSameName(as: dn) ? nil : .otherIdentity
    }

    private var operationDeadline: Instant {
        min(deadline, Instant.now.advanced(by: settings.operationTimeout))
    }
}

extension LDAPError {
    var afterBind: LDAPError {
        var error = self
        error.isAfterBind = true
        return error
    }
}

extension ByteString {
    /// Whether both are the same distinguished name.
    func isSameName(as other: ByteString) -> Bool {
        if self == other { return true }
        guard let one = DistinguishedName(parsing: self),
            let two = DistinguishedName(parsing: other)
        else {
            return false
        }
        return one == two
    }
}

/// Whose entry it is.
struct Owner: Sendable, Equatable {
    let name: ByteString
    let dn: ByteString

    enum Finding: Sendable, Equatable {
        case owner(Owner)
        case refused(LoginRefusal)
    }

    /// - Parameters:
    ///   - others: how many more entries match.
    ///   - attribute: must have exactly one value, 1 to 128 bytes of UTF-8 that could be a login.
    static func of(_ entry: LDAPEntry, others: Int, _ attribute: String) -> Finding {
        if others > 0 { return .refused(.ambiguous) }
        if entry.dn.isEmpty { return .refused(.namelessEntry) }
        let values = entry.values(of: attribute)
        guard values.count == 1, isUserName(values[0]) else { return .refused(.badAttribute) }
        return .owner(Owner(name: values[0], dn: entry.dn))
    }

    private static func isUserName(_ value: ByteString) -> Bool {
        (1...128).contains(value.count)
            && value.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: ":") }
            && (try? UTF8Span(validating: value.span)) != nil
    }
}
