// Many reloads with other rules each time, during pulls and pushes: nobody notices.

import Foundation
import NetIO
import Synchronization
import TestSupport
import Testing

@Suite(.ownThreads) struct ReloadStormTests {
    private struct Failed: Error { let status: Int }

    @Test("300 signals with changing rules during pulls and pushes fail no request")
    func storm() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect(within: 60)
        try client.pushImage("pulled", to: "team-a/x", tag: "v1", as: .alice)
        try proxy.reload(settings)
        let figures = ProcessFigures(pid: proxy.pid)
        let before = try otherDescriptors(figures)

        let isOver = Atomic<Bool>(false)
        let failures = Locked<[String]>([])
        let done = Atomic<Int>(0)
        let crowd = Thread {
            inParallel(10) {
                let number = done.add(1, ordering: .relaxed).oldValue
                do {
                    let client = try proxy.connect(within: 60)
                    var round = 0
                    while !isOver.load(ordering: .relaxed) {
                        round += 1
                        if number < 3 {
                            try client.pushImage(
                                "\(number)-\(round)", to: "team-a/\(number)",
                                tag: "v\(round)", as: .alice)
                        } else {
                            let target = "/v2/team-a/x/manifests/v1"
                            let answer = try client.request(
                                "GET", target, as: .alice,
                                ["Accept: \(Manifest.mediaType)"])
                            if answer.status != 200 { throw Failed(status: answer.status) }
                        }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            done.store(1000, ordering: .releasing)
        }
        crowd.start()
        // A fast machine is through with them before there were several reloads.
        var number = 0
        while number < 300 || number < 10_000 && proxy.eventCount("config.reloaded") <= 5 {
            settings.rules =
                ProxySettings.teamRules + [
                    #"{ id: r\#(number), who: ["user:bob"], repos: ["r\#(number)/**"], allow: [all] }"#
                ]
            try proxy.rewrite(settings)
            proxy.program.signal(SIGHUP)
            // Also paces the storm.
            #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
            number += 1
        }
        isOver.store(true, ordering: .relaxed)
        _ = try eventually("the crowd is done", within: 60) {
            done.load(ordering: .acquiring) == 1000 ? true : nil
        }
        #expect(failures.withLock { $0 } == [])
        let last = try eventually("the last rules are in force", within: 30) {
            let answer = try proxy.request("GET", "/v2/r\(number - 1)/x/tags/list", as: .bob)
            return answer.status == 404 ? true : nil
        }
        #expect(last)
        #expect(proxy.eventCount("config.refused") == 0)
        let reloads = proxy.eventCount("config.reloaded")
        #expect(reloads > 5, "\(reloads)")
        #expect(reloads < number, "they were gathered")
        #expect(try otherDescriptors(figures) == before)
        // What is left may be an idle connection to the registry for each that was used at once.
        _ = try eventually("the crowd's connections are closed", within: 30) {
            try figures.socketCount() <= 32 ? true : nil
        }
    }

    private func otherDescriptors(_ figures: ProcessFigures) throws -> Int {
        try figures.descriptors().filter { !$0.hasPrefix("socket:") }.count
    }
}
