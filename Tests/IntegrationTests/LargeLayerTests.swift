// A large layer goes through in constant memory. 256 MiB here; scripts/large-layer does 10 GiB.

import AllocationCount
import TestSupport
import Testing

/// By itself, so that the memory of one transfer is not blamed on another.
@Suite(
    .serialized, .ownThreads,
    .enabled(if: allocation_count_works(), "a sanitizer keeps freed memory")
)
struct LargeLayerTests {
    static let byteCount = 256 << 20

    /// A fast upstream and a proxy before it; what grows in the proxy while `transfer` runs.
    private func growth(_ transfer: (ProxyProcess, String) throws -> Void) throws -> Int {
        let program = try BackgroundProgram(["python3", "\(Project.tools)/fastupstream.py"])
        defer { program.signal(9) }
        let port = try program.waitForLine("its port") { line in
            line.hasPrefix("port ") ? Int(line.dropFirst(5)) : nil
        }
        let proxy = try ProxyProcess(upstream: "http://127.0.0.1:\(port)")
        defer { proxy.stop() }
        // Warm, so that what every process grows by at its first work is not counted.
        try transfer(proxy, "\(8 << 20)")
        let figures = ProcessFigures(pid: proxy.pid)
        let before = try figures.residentKiB()
        try figures.forgetPeak()
        let files = Set(try figures.openFiles())
        try transfer(proxy, "\(Self.byteCount)")
        let grown = try figures.peakKiB() - before
        let opened = Set(try figures.openFiles()).subtracting(files)
        #expect(opened.isEmpty, "\(opened)")
        return grown
    }

    private func client(_ proxy: ProxyProcess, _ arguments: String...) throws {
        let finished = try Command.run(
            ["python3", "\(Project.tools)/blobclient.py"] + arguments,
            environment: [
                "PORT": "\(proxy.securePort)",
                "CA_FILE": proxy.certificates.ca,
                "REG_USER": TestUser.alice.name,
                "REG_PASS": TestUser.alice.password,
                "REPOSITORY": "team-a/large",
            ],
            within: 240
        )
        #expect(finished.status == 0, "\(finished)")
    }

    @Test(
        "pulling it, in both framings, the proxy grows by less than 8 MiB",
        arguments: ["length", "chunked"])
    func pull(framing: String) throws {
        let grown = try growth { proxy, count in try client(proxy, "pull", count, framing) }
        #expect(grown < 8192, "grew by \(grown) KiB")
    }

    @Test(
        "pushing it, in both framings, the proxy grows by less than 8 MiB",
        arguments: ["length", "chunked"])
    func push(framing: String) throws {
        let grown = try growth { proxy, count in try client(proxy, "push", count, framing) }
        #expect(grown < 8192, "grew by \(grown) KiB")
    }
}
