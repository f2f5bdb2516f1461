import Bytes
import Foundation
import Glibc

@testable import Logbook

/// A request head in pieces, and a record with the places of the pieces.
struct SampleRequest {
    var head: [UInt8] = []
    var record: AccessRecord

    static let time = WallTime(seconds: 1_795_247_763, nanoseconds: 123_456_789)

    init(
        method: [UInt8]? = nil,
        path: [UInt8]? = nil,
        query: [UInt8]? = nil,
        userAgent: [UInt8]? = nil,
        serial: UInt128 = 1
    ) {
        var generator = RequestIDGenerator(counter: serial - 1)
        record = AccessRecord(time: Self.time, id: generator.next(at: Self.time))
        record.method = place(method)
        record.path = place(path)
        record.query = place(query)
        record.userAgent = place(userAgent)
    }

    private mutating func place(_ bytes: [UInt8]?) -> Place? {
        guard let bytes else { return nil }
        head += bytes
        return Place(head.count - bytes.count, head.count)
    }

    func line(_ format: AccessLineEncoder.Format = .json) -> [UInt8] {
        var encoder = AccessLineEncoder(format)
        let buffer = Buffer(capacity: AccessLineEncoder.maximumLineLength)
        encoder.append(record, head: head.span, to: buffer)
        return ByteString(copying: buffer.bytes).bytes
    }

    func text(_ format: AccessLineEncoder.Format = .json) -> String {
        String(decoding: line(format), as: UTF8.self)
    }

    /// The line as Foundation reads it.
    func object() throws -> [String: Any] { try parse(line()) }

    /// A request with everything known.
    static var full: SampleRequest {
        var sample = SampleRequest(
            method: Array("PUT".utf8),
            path: Array("/v2/team-a/app/manifests/v1".utf8),
            query: Array("x=1&tag=v2&N=5&n=3&%6e=4&digest=sha256:ab".utf8),
            userAgent: Array("skopeo/1.9.3".utf8)
        )
        sample.record.client = "192.0.2.7"
        sample.record.user = "alice"
        sample.record.login = .htpasswd
        sample.record.operation = .manifestPut
        sample.record.repository = "team-a/app"
        sample.record.reference = "v1"
        sample.record.status = 201
        sample.record.outcome = .complete
        sample.record.decision = .allowed
        sample.record.shadow = .denied
        sample.record.rules = ["team-a", "extra"]
        sample.record.bytesIn = 1024
        sample.record.bytesOut = 0
        sample.record.firstByte = 12_340_000
        sample.record.duration = 12_500_999
        sample.record.upstream = 9_000_000
        sample.record.tls = .tls13
        sample.record.claimedUser = "mallory"
        return sample
    }
}

func parse(_ line: [UInt8]) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(line))
    return try unwrap(object as? [String: Any])
}

struct Missing: Error {}

func unwrap<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}

func lines(_ bytes: [UInt8]) -> [[UInt8]] { bytes.split(separator: 0x0A).map { Array($0) } }

/// A directory that is gone after the test.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "logbook-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    subscript(name: String) -> String { path + "/" + name }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: self[name])))
    }

    /// An operator log that writes to a file here, which must stay open as long.
    func operatorLog(_ level: OperatorLog.Level = .debug) throws -> (OperatorLog, FileHandle) {
        _ = FileManager.default.createFile(atPath: self["events"], contents: nil)
        let file = try unwrap(FileHandle(forWritingAtPath: self["events"]))
        return (OperatorLog(level, descriptor: file.fileDescriptor), file)
    }

    func events() throws -> [[String: Any]] { try lines(bytes("events")).map { try parse($0) } }
}

/// Everything that can be read without waiting.
func readAvailable(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&entry, 1, 0) > 0 else { return bytes }
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe read(descriptor, &piece, piece.count)
        guard count > 0 else { return bytes }
        bytes += piece[..<count]
    }
}
