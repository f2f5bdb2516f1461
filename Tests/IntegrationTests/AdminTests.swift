// The admin listener: figures and readiness.

import TestSupport
import Testing

@Suite(.ownThreads) struct AdminTests {
    @Test("/metrics is Prometheus text and counts what happened")
    func metrics() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let target = "/v2/team-a/x/manifests/v1"
        _ = try proxy.request("GET", target, as: .alice)
        _ = try proxy.request("GET", target, as: .bob)
        _ = try proxy.request("GET", target, as: TestUser("alice", "wrong"))
        let answer = try proxy.admin("/metrics")
        #expect(answer.status == 200)
        #expect(answer["Content-Type"]?.hasPrefix("text/plain") == true)
        let pattern = #/[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.eEInfNa]+/#
        for line in answer.text.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.wholeMatch(of: pattern) != nil, "\(line)")
            for name in ["team-a", "alice", "bob"] { #expect(!line.contains(name), "\(line)") }
        }
        let requests = "registry_proxy_requests_total"
        #expect(try proxy.metric(requests, where: #"operation="manifest.get""#) == 3)
        #expect(try proxy.metric(requests, where: #"status_class="2xx""#) == 1)
        #expect(try proxy.metric(requests, where: #"status_class="4xx""#) == 2)
        #expect(try proxy.metric("registry_proxy_denials_total") == 1)
        #expect(try proxy.metric("registry_proxy_logins_total") >= 3)
        #expect(try proxy.metric("registry_proxy_config_last_reload_success") == 1)
        #expect(try proxy.metric("process_open_fds") > 3)
    }

    @Test("/readyz follows the upstream, /healthz does not")
    func readiness() throws {
        let registry = try DockerRegistry()
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        _ = try eventually("ready") { try proxy.admin("/readyz").status == 200 ? true : nil }
        #expect(try proxy.admin("/healthz").status == 200)
        try registry.kill()
        _ = try eventually("not ready without an upstream", within: 30) {
            try proxy.admin("/readyz").status == 503 ? true : nil
        }
        #expect(try proxy.admin("/healthz").status == 200)
    }

    @Test("the registry's routes are not on the admin listener, nor the other way round")
    func separation() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        #expect(try proxy.admin("/v2/").status == 404)
        #expect(try proxy.request("GET", "/metrics", as: .alice).status == 404)
        #expect(try proxy.request("GET", "/readyz", as: .alice).status == 404)
    }
}
