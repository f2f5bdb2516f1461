import Bytes
import NetIO
import ProxyConfig
import ProxyServer

/// What a probe of the servers that a configuration names has found.
struct ProbeReport {
    /// Something is not there, or does not do what it should.
    var errors: [ConfigurationError] = []
    var warnings: [ConfigurationError] = []
}

/// Talks to the registry, for `check --probe`. Blocks until it has answered or a time-out is over.
func probe(_ configuration: Configuration) -> ProbeReport {
    guard let settings = (try? Assembly(configuration))?.settings else { return ProbeReport() }
    let upstream = configuration.upstream
    func message(_ text: String) -> ConfigurationError {
        ConfigurationError(at: upstream.position, key: "upstream.url", message: text)
    }
    var report = ProbeReport()
    do throws(SystemError) {
        let found = try ask(settings)
        if let failure = found.failure {
            report.errors = [message("\(upstream.url): \(failure) (a registry that answers)")]
        }
        for address in found.addresses {
            guard let ip = address.ip, !ip.isLoopback, !ip.isPrivate else { continue }
            let wrong = "\(ip) can be reached by others, past every rule"
            let allowed = "a loopback, unix or private address"
            report.warnings.append(message("\(wrong) (\(allowed))"))
        }
    } catch {
        report.errors = [message("no probe: \(error) (an event loop)")]
    }
    return report
}

private func ask(_ settings: ServerSettings) throws(SystemError) -> UpstreamProbe.Report {
    let end = try SignalQueue([])
    let loop = try EventLoop()
    let result = Locked<UpstreamProbe.Report?>(nil)
    let upstream = UpstreamProbe(of: settings, on: loop)
    loop.start(name: "probe")
    defer { loop.stop() }
    Task(executorPreference: loop) {
        let report = await upstream.run()
        result.withLock { $0 = report }
        end.wake()
    }
    while true {
        _ = end.wait()
        if let report = result.withLock({ $0 }) { return report }
    }
}
