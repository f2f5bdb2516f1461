import Foundation
import Testing

@testable import Logbook

/// A small reader of the exposition format that refuses what Prometheus would.
struct PrometheusPage {
    struct Problem: Error { let line: String }

    /// By the whole text in front of the value.
    var samples: [String: Double] = [:]
    var types: [String: String] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Problem(line: "end") }
        let sample = /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (\+Inf|NaN|-?[0-9]+(?:\.[0-9]+)?)/
        let labels =
            /\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*")*\}/
        var current = ""
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") {
                current = String(words[2])
                guard types[current] == nil, words.count > 3 else {
                    throw Problem(line: String(line))
                }
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, words[2] == current, types[current] == nil,
                    ["counter", "gauge", "histogram"].contains(words[3])
                else { throw Problem(line: String(line)) }
                types[current] = String(words[3])
            } else {
                guard let match = line.wholeMatch(of: sample), let value = Double(match.3),
                    match.2 == nil || match.2?.wholeMatch(of: labels) != nil,
                    Self.belongs(String(match.1), to: current, types[current]),
                    samples[String(match.1 + (match.2 ?? ""))] == nil
                else { throw Problem(line: String(line)) }
                samples[String(match.1 + (match.2 ?? ""))] = value
            }
        }
    }

    private static func belongs(_ name: String, to metric: String, _ type: String?) -> Bool {
        if type == "histogram" {
            return [metric + "_bucket", metric + "_sum", metric + "_count"].contains(name)
        }
        return name == metric && (type != "counter" || name.hasSuffix("_total"))
    }
}

@Suite struct MetricsTests {
    @Test("the figures of all loops are added up and the page parses")
    func page() throws {
        let loops = [LoopMetrics(), LoopMetrics()]
        loops[0].requestEnded(.blobGet, status: 200, duration: 1_500_000, upstream: 700_000)
        loops[1].requestEnded(.blobGet, status: 206, duration: 400_000_000_000, upstream: nil)
        loops[1].requestEnded(.unknown, status: 404, duration: 500_000, upstream: nil)
        loops[1].requestEnded(.base, status: 0, duration: -1, upstream: nil)
        loops[0].count(bytes: 5, .received)
        loops[1].count(bytes: 7, .sent)
        for loop in loops { loop.connectionOpened(.downstream) }
        loops[0].connectionClosed(.downstream)
        loops[0].set(upstreamConnections: 3, .idle)
        loops[1].set(upstreamConnections: 4, .idle)
        loops[0].transferBegan()
        loops[0].loginCacheHit()
        loops[1].denied()
        var supplied = SuppliedFigures()
        supplied.logins = [.init(provider: "htpasswd", result: "wrong", count: 9)]
        supplied.passwordHashes = 11
        supplied.loginCacheHits = 2
        supplied.loginQueue = 0
        supplied.configGeneration = 4
        supplied.configLastReloadSucceeded = false
        supplied.certificateExpiries = [.init(listener: "a\"b\\c\nd", seconds: 1_800_000_000)]
        let text = String(decoding: MetricsPage.render(loops, supplied), as: UTF8.self)
        let samples = try PrometheusPage(text).samples
        let expected: [String: Double] = [
            #"requests_total{operation="blob.get",status_class="2xx"}"#: 2,
            #"requests_total{operation="unknown",status_class="4xx"}"#: 1,
            #"requests_total{operation="base",status_class="5xx"}"#: 1,
            #"bytes_total{direction="in"}"#: 5, #"bytes_total{direction="out"}"#: 7,
            #"connections{side="downstream"}"#: 1, #"connections{side="upstream"}"#: 0,
            #"upstream_connections{state="idle"}"#: 7, "transfers": 1,
            #"request_duration_seconds_bucket{operation="blob.get",le="0.001"}"#: 0,
            #"request_duration_seconds_bucket{operation="blob.get",le="0.0025"}"#: 1,
            #"request_duration_seconds_bucket{operation="blob.get",le="300"}"#: 1,
            #"request_duration_seconds_bucket{operation="blob.get",le="+Inf"}"#: 2,
            #"request_duration_seconds_sum{operation="blob.get"}"#: 400.0015,
            #"request_duration_seconds_count{operation="blob.get"}"#: 2,
            #"request_duration_seconds_bucket{operation="unknown",le="0.0005"}"#: 1,
            #"upstream_duration_seconds_count{operation="blob.get"}"#: 1,
            #"logins_total{provider="htpasswd",result="wrong"}"#: 9, "password_hashes_total": 11,
            "login_cache_hits_total": 3, "login_queue": 0, "denials_total": 1,
            "config_generation": 4, "config_last_reload_success": 0,
            #"certificate_expiry_timestamp_seconds{listener="a\"b\\c\nd"}"#: 1_800_000_000,
        ]
        for (name, value) in expected {
            #expect(samples["registry_proxy_" + name] == value, "\(name)")
        }
    }

    @Test("a page without any figure parses and has those of the process")
    func processFigures() throws {
        let text = String(decoding: MetricsPage.render([], SuppliedFigures()), as: UTF8.self)
        let samples = try PrometheusPage(text).samples
        for name in [
            "cpu_seconds_total", "open_fds", "virtual_memory_bytes", "resident_memory_bytes",
        ] {
            #expect(try unwrap(samples["process_" + name]) > 0)
        }
        let start = try unwrap(samples["process_start_time_seconds"])
        #expect(abs(start - Date().timeIntervalSince1970) < 86_400 * 365)
    }

    @Test("every figure has a cell of its own")
    func cells() {
        #expect(LoopMetrics.Cell.end <= 1024)
        #expect(LoopMetrics.Histogram.sumOffset == LoopMetrics.Histogram.bounds.count + 1)
        var seen: Set<Int> = []
        for operation in OperationName.allCases {
            for statusClass in 1...5 {
                let cell = LoopMetrics.Cell.requests(operation, statusClass: statusClass)
                #expect(seen.insert(cell).inserted)
            }
            for offset in 0..<LoopMetrics.Histogram.cellCount {
                #expect(seen.insert(LoopMetrics.Cell.requestDuration(operation) + offset).inserted)
                #expect(seen.insert(LoopMetrics.Cell.upstreamDuration(operation) + offset).inserted)
            }
        }
        #expect(seen.allSatisfy { $0 > LoopMetrics.Cell.denials && $0 < LoopMetrics.Cell.end })
    }

    @Test("each operation is found by its name, anything else is unknown")
    func operationNames() {
        for operation in OperationName.allCases {
            #expect(OperationName(named: operation.text) == operation)
        }
        #expect(OperationName(named: "Manifest.get") == .unknown)
    }
}
