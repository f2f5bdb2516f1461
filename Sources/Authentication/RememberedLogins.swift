import AccessControl
import Secrets

/// What was found out about logins under one generation of providers. Pure; every table is bounded,
/// and wrong logins cannot push out good ones.
struct RememberedLogins: Sendable {
    /// A verified login, and how long it is believed without asking.
    private struct Good: Sendable {
        let identity: Identity
        var freshUntil: Int64
    }

    /// A wrong one, and how long it is believed without asking. It stays longer than that, so that
    /// it is not taken for another guess when it comes again.
    private struct Wrong: Sendable {
        let by: Identity.Provider
        let freshUntil: Int64
    }

    private let settings: LoginSettings
    private var good: BoundedTable<Code32, Good>
    private var wrong: BoundedTable<Code32, Wrong>
    private var proven: BoundedTable<Code32, Bool>

    init(_ settings: LoginSettings) {
        self.settings = settings
        good = BoundedTable(capacity: settings.entries)
        wrong = BoundedTable(capacity: settings.wrongEntries)
        proven = BoundedTable(capacity: settings.entries)
    }

    mutating func known(_ code: Code32, now: Int64) -> (value: Identity, expiry: Int64)? {
        guard let found = good.entry(for: code, now: now)?.value, now < found.freshUntil else {
            return nil
        }
        return (found.identity, found.freshUntil)
    }

    /// Who said lately that this login is wrong.
    mutating func whoRefused(_ code: Code32, now: Int64) -> Identity.Provider? {
        guard let found = wrong.entry(for: code, now: now)?.value, now < found.freshUntil else {
            return nil
        }
        return found.by
    }

    /// Whether the login was right when it was checked last, however long ago (24 h at most).
    mutating func isProven(_ code: Code32, now: Int64) -> Bool {
        proven.entry(for: code, now: now) != nil
    }

    mutating func remember(_ identity: Identity, _ code: Code32, now: Int64) {
        let isFromDirectory = identity.provider == .ldap
        let lifetime = isFromDirectory ? settings.ldapLifetime : settings.lifetime
        let freshUntil = later(now, by: lifetime)
        let expiry = isFromDirectory ? later(freshUntil, by: settings.staleWhileDown) : freshUntil
        let entry = Good(identity: identity, freshUntil: freshUntil)
        good.insert(entry, for: code, expiry: expiry, now: now)
        proven.insert(true, for: code, expiry: later(now, by: settings.provenLifetime), now: now)
    }

    /// A wrong login was perhaps a good one until now.
    ///
    /// - Parameter isFinal: whether it stays wrong as long as the providers are the same.
    /// - Returns: whether it had not been found wrong before.
    mutating func forget(
        _ code: Code32,
        _ by: Identity.Provider,
        isFinal: Bool,
        now: Int64
    ) -> Bool {
        good.remove(code)
        proven.remove(code)
        let isNew = wrong.entry(for: code, now: now) == nil
        let expiry = later(now, by: max(settings.longMemory, settings.wrongLifetime))
        let freshUntil = isFinal ? expiry : later(now, by: settings.wrongLifetime)
        let entry = Wrong(by: by, freshUntil: freshUntil)
        wrong.insert(entry, for: code, expiry: expiry, now: now)
        return isNew
    }

    /// What the directory said while it was there, if it was not too long ago. It is believed for a
    /// moment more, so that not every request asks in vain.
    mutating func stale(
        _ code: Code32,
        from provider: Identity.Provider,
        now: Int64
    ) -> Identity? {
        guard let entry = good.entry(for: code, now: now), entry.value.identity.provider == provider
        else { return nil }
        var value = entry.value
        value.freshUntil = min(later(now, by: settings.staleRespite), entry.expiry)
        good.insert(value, for: code, expiry: entry.expiry, now: now)
        return value.identity
    }

    mutating func removeAll() {
        good.removeAll()
        wrong.removeAll()
        proven.removeAll()
    }

    private func later(_ now: Int64, by duration: Duration) -> Int64 {
        let (sum, overflow) = now.addingReportingOverflow(duration.nanoseconds)
        return overflow ? .max : sum
    }
}
