public import Bytes
import Logbook

/// Keeps those without a login from flushing the trail or filling the disk: of equal refusals, ten
/// in a minute are records of their own, and the rest become one with a count. All of them together
/// are at most 100 records a second. Pure: it is told the time.
public struct FloodGate: Sendable {
    /// Equal in these is equal.
    private struct Kind: Hashable {
        let event: AuditRecord.Event
        let network: ByteString
        let user: ByteString?
        let reason: StaticText?
        let action: StaticText?
    }

    private struct Window {
        let begun: Int64
        var passed = 0
        /// The first of those that were held back, with the count of all.
        var held: AuditRecord?
    }

    /// Records of one kind that pass in `span`.
    static let passing = 10
    static let span: Int64 = 60_000_000_000
    static let perSecond = 100
    /// Kinds that are told apart; those beyond count as one for each event.
    static let kindLimit = 4096

    private var windows: [Kind: Window] = [:]
    /// What there was no room for, whoever it was.
    private var rest: [AuditRecord.Event: AuditRecord] = [:]
    private var restBegun: Int64 = 0
    private var second: Int64 = 0
    private var spent = 0

    public init() {}

    /// Whether this record is one of its own. If not, it is counted.
    ///
    /// - Parameters:
    ///   - network: what the source counts as.
    ///   - now: monotonic nanoseconds.
    public mutating func passes(
        _ record: AuditRecord,
        from network: ByteString,
        at now: Int64
    ) -> Bool {
        let kind = Kind(
            event: record.event,
            network: network,
            user: record.who.user ?? record.who.claimed,
            reason: record.why.reason,
            action: record.what.action
        )
        guard windows[kind] != nil || windows.count < Self.kindLimit else {
            hold(record, at: now)
            return false
        }
        var window = windows[kind] ?? Window(begun: now)
        defer { windows[kind] = window }
        if window.passed < Self.passing, window.held == nil {
            guard spend(at: now) else {
                hold(record, at: now)
                return false
            }
            window.passed += 1
            return true
        }
        window.held.count(record)
        return false
    }

    /// The records that stand for many, of the minutes that are over.
    public mutating func due(at now: Int64) -> [AuditRecord] {
        var due: [AuditRecord] = []
        for (kind, window) in windows where now - window.begun >= Self.span {
            windows[kind] = nil
            guard let held = window.held else { continue }
            if spend(at: now) {
                due.append(held)
            } else {
                hold(held, at: now)
            }
        }
        if !rest.isEmpty, now - restBegun >= Self.span {
            due += rest.values.sorted { $0.event.rawValue < $1.event.rawValue }
            rest = [:]
        }
        return due
    }

    /// All that is held back, for the end of the process.
    public mutating func flush() -> [AuditRecord] {
        let all = windows.values.compactMap(\.held) + rest.values
        windows = [:]
        rest = [:]
        return all.sorted { ($0.since ?? $0.time) < ($1.since ?? $1.time) }
    }

    private mutating func spend(at now: Int64) -> Bool {
        let current = now / 1_000_000_000
        if current != second {
            second = current
            spent = 0
        }
        spent += 1
        return spent <= Self.perSecond
    }

    private mutating func hold(_ record: AuditRecord, at now: Int64) {
        if rest.isEmpty { restBegun = now }
        var anybody = AuditRecord(record.event, record.outcome, at: record.time)
        anybody.count = record.count
        anybody.since = record.since
        var held = rest[record.event]
        held.count(anybody)
        rest[record.event] = held
    }
}

extension AuditRecord? {
    /// Adds one more, or as many as `record` stands for.
    fileprivate mutating func count(_ record: AuditRecord) {
        var sum = self ?? record
        if self == nil {
            sum.count = record.count ?? 1
            sum.since = record.since ?? record.time
        } else {
            sum.count = (sum.count ?? 0) + (record.count ?? 1)
        }
        sum.time = record.time
        self = sum
    }
}
