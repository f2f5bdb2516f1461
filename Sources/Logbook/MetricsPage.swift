/// The answer to `GET /metrics`.
public enum MetricsPage {
    /// Its `Content-Type`.
    public static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    /// Writes the page: the loops' figures added up, the supplied ones, and those of the process.
    ///
    /// Takes far less than a millisecond but for the count of open descriptors, which grows with
    /// them. A request counter or histogram appears when it has counted something.
    public static func render(_ loops: [LoopMetrics], _ supplied: SuppliedFigures) -> [UInt8] {
        var text = PrometheusText()
        appendTraffic(loops, to: &text)
        appendDurations(
            "request_duration_seconds",
            "Time from the begin of a request to its end.",
            loops,
            at: LoopMetrics.Cell.requestDuration,
            to: &text
        )
        appendDurations(
            "upstream_duration_seconds",
            "Time until the upstream's answer began.",
            loops,
            at: LoopMetrics.Cell.upstreamDuration,
            to: &text
        )
        appendLogins(loops, supplied, to: &text)
        appendAudit(supplied, to: &text)
        appendConfiguration(supplied, to: &text)
        ProcessFigures().append(to: &text)
        return text.bytes
    }

    private static let prefix = "registry_proxy_"

    private static func sum(_ loops: [LoopMetrics], _ cell: Int) -> Int {
        loops.reduce(0) { $0 &+ $1.value(cell) }
    }

    private static func appendTraffic(_ loops: [LoopMetrics], to text: inout PrometheusText) {
        appendRequests(loops, to: &text)
        let bytes = prefix + "bytes_total"
        text.begin(bytes, .counter, "Bytes of bodies, from and to clients.")
        for direction in LoopMetrics.Direction.allCases {
            let count = sum(loops, LoopMetrics.Cell.bytes + direction.rawValue)
            text.sample(bytes, [("direction", direction.label.description)], count)
        }
        let connections = prefix + "connections"
        text.begin(connections, .gauge, "Open connections.")
        for side in LoopMetrics.Side.allCases {
            let count = sum(loops, LoopMetrics.Cell.connections + side.rawValue)
            text.sample(connections, [("side", side.label.description)], count)
        }
        let failed = prefix + "connections_failed_total"
        text.begin(failed, .counter, "Connections that ended in their PROXY header or handshake.")
        for failure in LoopMetrics.OpeningFailure.allCases {
            let count = sum(loops, LoopMetrics.Cell.openingFailures + failure.rawValue)
            text.sample(failed, [("reason", failure.label.description)], count)
        }
        let upstream = prefix + "upstream_connections"
        text.begin(upstream, .gauge, "Connections to the upstream, by what they do.")
        for state in LoopMetrics.UpstreamState.allCases {
            let count = sum(loops, LoopMetrics.Cell.upstreamConnections + state.rawValue)
            text.sample(upstream, [("state", state.label.description)], count)
        }
        text.single(
            prefix + "transfers",
            .gauge,
            "Bodies that flow at this moment.",
            sum(loops, LoopMetrics.Cell.transfers)
        )
    }

    private static func appendRequests(_ loops: [LoopMetrics], to text: inout PrometheusText) {
        let name = prefix + "requests_total"
        text.begin(name, .counter, "Requests answered.")
        for operation in OperationName.allCases {
            for statusClass in 1...LoopMetrics.Cell.statusClasses {
                let cell = LoopMetrics.Cell.requests(operation, statusClass: statusClass)
                let count = sum(loops, cell)
                guard count > 0 else { continue }
                let labels = [
                    (name: "operation", value: operation.text.description),
                    (name: "status_class", value: "\(statusClass)xx"),
                ]
                text.sample(name, labels, count)
            }
        }
    }

    private static func appendDurations(
        _ suffix: String,
        _ help: String,
        _ loops: [LoopMetrics],
        at firstCell: (OperationName) -> Int,
        to text: inout PrometheusText
    ) {
        let name = prefix + suffix
        text.begin(name, .histogram, help)
        let bounds = LoopMetrics.Histogram.bounds
        for operation in OperationName.allCases {
            let first = firstCell(operation)
            let buckets = (0...bounds.count).map { sum(loops, first + $0) }
            let total = buckets.reduce(0, +)
            guard total > 0 else { continue }
            let label = (name: "operation", value: operation.text.description)
            var count = 0
            for index in 0..<bounds.count {
                count += buckets[index]
                let bound = PrometheusText.decimal(bounds[index], per: 1_000_000)
                text.sample(name + "_bucket", [label, ("le", bound)], count)
            }
            text.sample(name + "_bucket", [label, ("le", "+Inf")], total)
            let microseconds = sum(loops, first + LoopMetrics.Histogram.sumOffset)
            let seconds = PrometheusText.decimal(microseconds, per: 1_000_000)
            text.sample(name + "_sum", [label], seconds)
            text.sample(name + "_count", [label], total)
        }
    }

    private static func appendLogins(
        _ loops: [LoopMetrics],
        _ supplied: SuppliedFigures,
        to text: inout PrometheusText
    ) {
        let certified = sum(loops, LoopMetrics.Cell.certificateLogins)
        if !supplied.logins.isEmpty || certified > 0 {
            let name = prefix + "logins_total"
            text.begin(name, .counter, "Login attempts that were decided.")
            for logins in supplied.logins {
                let labels = [
                    (name: "provider", value: logins.provider),
                    (name: "result", value: logins.result),
                ]
                text.sample(name, labels, logins.count)
            }
            if certified > 0 {
                let labels = [(name: "provider", value: "certificate"), ("result", "accepted")]
                text.sample(name, labels, certified)
            }
        }
        if !supplied.directoryServers.isEmpty {
            let name = prefix + "ldap_up"
            text.begin(name, .gauge, "Whether the directory server was heard last.")
            for server in supplied.directoryServers {
                let label = (name: "server", value: server.server)
                text.sample(name, [label], server.isUp ? 1 : 0)
            }
        }
        text.single(
            prefix + "password_hashes_total",
            .counter,
            "Password hashes computed.",
            supplied.passwordHashes
        )
        text.single(
            prefix + "login_cache_hits_total",
            .counter,
            "Logins that were known already.",
            sum(loops, LoopMetrics.Cell.loginCacheHits) + supplied.loginCacheHits
        )
        text.single(
            prefix + "login_queue",
            .gauge,
            "Password checks that wait.",
            supplied.loginQueue
        )
        text.single(
            prefix + "throttled_total",
            .counter,
            "Logins that were refused unchecked because of wrong passwords before.",
            supplied.throttled
        )
        text.single(
            prefix + "denials_total",
            .counter,
            "Requests that the access rules denied.",
            sum(loops, LoopMetrics.Cell.denials)
        )
    }

    private static func appendAudit(_ supplied: SuppliedFigures, to text: inout PrometheusText) {
        text.single(
            prefix + "audit_pending",
            .gauge,
            "Records of the audit trail that wait to be written.",
            supplied.auditPending
        )
        text.single(
            prefix + "audit_fsyncs_total",
            .counter,
            "How often the audit trail was forced to the disk.",
            supplied.auditFsyncs
        )
    }

    private static func appendConfiguration(
        _ supplied: SuppliedFigures,
        to text: inout PrometheusText
    ) {
        if !supplied.connectionsRefused.isEmpty {
            let name = prefix + "connections_refused_total"
            text.begin(name, .counter, "Connections closed at once because of a limit.")
            for refused in supplied.connectionsRefused {
                text.sample(name, [("reason", refused.reason)], refused.count)
            }
        }
        text.single(
            prefix + "config_generation",
            .gauge,
            "Number of the configuration in use; each reload adds one.",
            supplied.configGeneration
        )
        text.single(
            prefix + "config_last_reload_success",
            .gauge,
            "1 if the last reload was taken over, 0 if it was refused.",
            supplied.configLastReloadSucceeded.map { $0 ? 1 : 0 }
        )
        guard !supplied.certificateExpiries.isEmpty else { return }
        let name = prefix + "certificate_expiry_timestamp_seconds"
        text.begin(name, .gauge, "When the certificate of a listener ends.")
        for expiry in supplied.certificateExpiries {
            text.sample(name, [("listener", expiry.listener)], expiry.seconds)
        }
    }
}
