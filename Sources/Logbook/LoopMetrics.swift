import Synchronization

/// The figures of one loop: counters that this loop alone changes and any thread may read.
///
/// A change is a relaxed load and store, without a locked instruction: two writers would lose
/// counts. Readers see each figure whole, but not all of the same moment.
public final class LoopMetrics: Sendable {
    /// Which way bytes of bodies went.
    public enum Direction: Int, Sendable, CaseIterable {
        /// From the client: request bodies.
        case received
        /// To the client: bodies of answers.
        case sent

        var label: StaticString {
            switch self {
            case .received: "in"
            case .sent: "out"
            }
        }
    }

    /// Which side of the proxy a connection is on.
    public enum Side: Int, Sendable, CaseIterable {
        case downstream, upstream

        var label: StaticString {
            switch self {
            case .downstream: "downstream"
            case .upstream: "upstream"
            }
        }
    }

    /// What an upstream connection does.
    public enum UpstreamState: Int, Sendable, CaseIterable {
        case idle, busy

        var label: StaticString {
            switch self {
            case .idle: "idle"
            case .busy: "busy"
            }
        }
    }

    /// Why a client's connection ended before a request could be read from it.
    public enum OpeningFailure: Int, Sendable, CaseIterable {
        /// It did not begin with the PROXY header that it had to begin with.
        case proxyHeader
        /// It spoke something else than TLS, HTTP for one.
        case notTLS
        /// The TLS handshake failed.
        case tls
        /// Header or handshake took too long.
        case timeout
        /// The other end closed it first: a port check of a load balancer does that, too.
        case closed

        var label: StaticString {
            switch self {
            case .proxyHeader: "proxy_header"
            case .notTLS: "not_tls"
            case .tls: "tls"
            case .timeout: "timeout"
            case .closed: "closed"
            }
        }
    }

    private let cells: InlineArray<1024, Atomic<Int>>

    public init() { cells = InlineArray { _ in Atomic(0) } }

    /// Counts an ended request and its durations.
    ///
    /// - Parameters:
    ///   - status: what was sent; outside 100 to 599 counts as 5xx.
    ///   - duration: nanoseconds from begin to end.
    ///   - upstream: nanoseconds until the upstream's answer began; `nil` if it was not asked.
    public func requestEnded(
        _ operation: OperationName,
        status: Int,
        duration: Int64,
        upstream: Int64?
    ) {
        add(1, to: Cell.requests(operation, statusClass: status / 100))
        observe(duration, Cell.requestDuration(operation))
        if let upstream { observe(upstream, Cell.upstreamDuration(operation)) }
    }

    /// Counts bytes of bodies. While they flow, so that a long transfer shows.
    public func count(bytes: Int, _ direction: Direction) {
        add(bytes, to: Cell.bytes + direction.rawValue)
    }

    public func connectionOpened(_ side: Side) { add(1, to: Cell.connections + side.rawValue) }
    public func connectionClosed(_ side: Side) { add(-1, to: Cell.connections + side.rawValue) }

    /// How many connections of `side` are open.
    public func openConnections(_ side: Side) -> Int { value(Cell.connections + side.rawValue) }

    /// A client's connection ended in its PROXY header or its handshake.
    public func connectionFailed(_ failure: OpeningFailure) {
        add(1, to: Cell.openingFailures + failure.rawValue)
    }

    /// A body began to flow, either way; `transferEnded` is owed.
    public func transferBegan() { add(1, to: Cell.transfers) }
    public func transferEnded() { add(-1, to: Cell.transfers) }

    /// A login was known without asking anybody.
    public func loginCacheHit() { add(1, to: Cell.loginCacheHits) }

    /// A connection's certificate was a login.
    public func certificateLogin() { add(1, to: Cell.certificateLogins) }

    /// The access rules said no.
    public func denied() { add(1, to: Cell.denials) }

    /// Says how many upstream connections of this loop are in `state` now.
    public func set(upstreamConnections count: Int, _ state: UpstreamState) {
        cells[Cell.upstreamConnections + state.rawValue].store(count, ordering: .relaxed)
    }

    func value(_ cell: Int) -> Int { cells[cell].load(ordering: .relaxed) }

    private func add(_ amount: Int, to cell: Int) {
        let sum = cells[cell].load(ordering: .relaxed) &+ amount
        cells[cell].store(sum, ordering: .relaxed)
    }

    private func observe(_ nanoseconds: Int64, _ histogram: Int) {
        let microseconds = Int(max(0, nanoseconds)) / 1000
        var bucket = 0
        while bucket < Histogram.bounds.count && microseconds > Histogram.bounds[bucket] {
            bucket += 1
        }
        add(1, to: histogram + bucket)
        add(microseconds, to: histogram + Histogram.sumOffset)
    }

    /// Where which figure lies.
    enum Cell {
        private static let operations = OperationName.allCases.count
        static let statusClasses = 5

        static let bytes = 0
        static let connections = 2
        static let upstreamConnections = 4
        static let transfers = 6
        static let loginCacheHits = 7
        static let denials = 8
        static let certificateLogins = 9
        static let openingFailures = 10
        private static let requests = 16
        private static let requestDurations = requests + operations * statusClasses
        private static let upstreamDurations = requestDurations + operations * Histogram.cellCount
        static let end = upstreamDurations + operations * Histogram.cellCount

        static func requests(_ operation: OperationName, statusClass: Int) -> Int {
            let index = (1...statusClasses).contains(statusClass) ? statusClass - 1 : 4
            return requests + Int(operation.rawValue) * statusClasses + index
        }

        static func requestDuration(_ operation: OperationName) -> Int {
            requestDurations + Int(operation.rawValue) * Histogram.cellCount
        }

        static func upstreamDuration(_ operation: OperationName) -> Int {
            upstreamDurations + Int(operation.rawValue) * Histogram.cellCount
        }
    }

    /// The cells of one histogram: a count for each bucket, one for what is beyond, and the sum.
    enum Histogram {
        /// Upper bounds in microseconds, inclusive. From a small request to a layer on a slow line.
        static let bounds: InlineArray<17, Int> = [
            500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
            2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000, 300_000_000,
        ]
        static let sumOffset = 18
        static let cellCount = 19
    }
}
