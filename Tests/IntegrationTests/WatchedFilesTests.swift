// Files are read again when they change, without a signal; a broken one changes nothing.

import Foundation
import NetIO
import TestSupport
import Testing

@Suite(.ownThreads) struct WatchedFilesTests {
    private let dave = TestUser("dave", "new here")

    private func status(_ proxy: ProxyProcess, _ user: TestUser) throws -> Int {
        try proxy.request("GET", "/v2/", as: user).status
    }

    @Test("a users' file that is replaced by rename is in force, and the log says who changed")
    func rename() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        #expect(try status(proxy, .alice) == 200)
        let new = try PasswordLines.file(for: [dave, .bob])
        try proxy.directory.write(new, to: "users.new")
        try proxy.directory.move("users.new", to: "users.htpasswd")
        let changes = try proxy.waitForEvent("config.reloaded").strings("changes")
        #expect(changes.contains("users added: dave"), "\(changes)")
        #expect(changes.contains("users removed: alice, carol, operator"), "\(changes)")
        #expect(try status(proxy, .alice) == 401, "also though her login was remembered")
        #expect(try status(proxy, dave) == 200)
    }

    @Test("a users' file that is half written, emptied, open to others or gone keeps the last one")
    func faults() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        let path = proxy.directory.file("users.htpasswd")
        let good = try proxy.directory.read("users.htpasswd")
        let faults: [(String, () throws -> Void)] = [
            ("half", { try proxy.directory.write("\(good.dropLast(20))", to: "users.htpasswd") }),
            ("empty", { try proxy.directory.write("", to: "users.htpasswd") }),
            ("gone", { try FileManager.default.removeItem(atPath: path) }),
            ("a FIFO", { try Command.check(["mkfifo", "-m", "600", path]) }),
            (
                "a device",
                {
                    try FileManager.default.removeItem(atPath: path)
                    let zero = "/dev/zero"
                    try FileManager.default.createSymbolicLink(
                        atPath: path, withDestinationPath: zero)
                }
            ),
            (
                "open to others",
                {
                    try FileManager.default.removeItem(atPath: path)
                    try proxy.directory.write(good, to: "users.htpasswd")
                    try Command.check(["chmod", "0666", path])
                }
            ),
        ]
        for (number, (name, fault)) in faults.enumerated() {
            try fault()
            let event = try proxy.waitForEvent("config.refused", after: number)
            #expect(event.strings("errors").count == 1, "\(name)")
            #expect(event.strings("errors")[0].contains("auth.htpasswd.file"), "\(name)")
            #expect(try status(proxy, .alice) == 200, "\(name)")
        }
        try Command.check(["chmod", "0600", path])
        try proxy.waitForEvent("config.reloaded")
        #expect(try status(proxy, .alice) == 200)
        #expect(proxy.eventCount("config.refused") == faults.count, "each fault is told once")
    }

    @Test("a link that is set to another folder, as Kubernetes does it, is in force")
    func linkSwap() throws {
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.usersFile = "mounted/users.htpasswd"
        let proxy = try ProxyProcess(settings) { directory in
            let users = try directory.read("users.htpasswd")
            try directory.write(users, to: "mounted/..first/users.htpasswd")
            try directory.link("mounted/..data", to: "..first")
            try directory.link("mounted/users.htpasswd", to: "..data/users.htpasswd")
        }
        defer { proxy.stop() }
        #expect(try status(proxy, .alice) == 200)
        let second = try PasswordLines.file(for: [dave])
        try proxy.directory.write(second, to: "mounted/..second/users.htpasswd")
        try proxy.directory.link("mounted/..data_tmp", to: "..second")
        try proxy.directory.move("mounted/..data_tmp", to: "mounted/..data")
        try proxy.waitForEvent("config.reloaded")
        #expect(try status(proxy, dave) == 200)
        #expect(try status(proxy, .alice) == 401)
    }

    @Test("a changed configuration file is in force, and the log says what changed")
    func configuration() throws {
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        settings.rules.removeFirst()
        settings.rules.append(
            #"{ id: dave, who: ["user:dave"], repos: ["d/**"], allow: [pull] }"#
        )
        settings.more = ["limits: { connections: 77 }"]
        settings.accessLogName = "second.log"
        try proxy.rewrite(settings)
        let event = try proxy.waitForEvent("config.reloaded")
        #expect(
            Set(event.strings("changes")).isSuperset(of: [
                "access.rules[team-a] was removed", "access.rules[dave] was added",
                "limits.connections was added: 77",
                "log.access.path: access.log became second.log",
            ]),
            "\(event.strings("changes"))"
        )
        let answer = try proxy.request("GET", "/v2/team-a/x/tags/list", as: .alice)
        #expect(answer.status == 403)
        _ = try eventually("a line in the new log") {
            try proxy.accessLines("second.log").isEmpty ? nil : true
        }
    }

    @Test("a renewed certificate is for new connections, garbage in its place keeps the last one")
    func certificate() throws {
        let mayFinish = DispatchSemaphore(value: 0)
        let upstream = try RecordingUpstream(pausing: { mayFinish.wait() })
        defer { upstream.stop() }
        let certificates = try Certificates.shared()
        let name = "watched-\(UUID().uuidString.prefix(8)).crt"
        var settings = ProxySettings(upstream: upstream.url)
        settings.certificate = try certificates.issue(commonName: "before.test", to: name)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let downloaded = Locked<String?>(nil)
        Thread {
            let user = "\(TestUser.alice.name):\(TestUser.alice.password)"
            let finished = try? Command.run(
                ["curl", "-s", "--cacert", certificates.ca, "-u", user, proxy.url + BodyTests.blob]
            )
            downloaded.withLock { $0 = finished?.text ?? "" }
        }
        .start()
        try upstream.waitForRequests(1)
        #expect(try proxy.certificateSubject().contains("before.test"))
        try certificates.issue(commonName: "after.test", to: name)
        try proxy.waitForEvent("config.reloaded")
        #expect(try proxy.certificateSubject().contains("after.test"))
        try "garbage".write(
            toFile: settings.certificate ?? "", atomically: true, encoding: .utf8)
        let errors = try proxy.waitForEvent("config.refused").strings("errors")
        #expect(errors.count == 1 && errors[0].contains("listen[0].tls.certificate"), "\(errors)")
        #expect(try proxy.certificateSubject().contains("after.test"))
        mayFinish.signal()
        let text = try eventually("the download that began first ends") {
            downloaded.withLock { $0 }
        }
        #expect(text == "helloworld")
    }
}
