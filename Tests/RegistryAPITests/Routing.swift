import Bytes
import HTTPWire
import RegistryAPI

/// What became of one request target, in a form that a table can hold.
struct Routed {
    /// `manifest.get team/app v1`, or the code of the refusal.
    let text: String
    /// The target that would go upstream; empty for a refusal.
    let upstream: String
    let status: Int
    let allow: String?

    init(_ method: HTTPWire.Method, _ target: String) {
        let bytes = Array(target.utf8)
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
        let query = mark < bytes.count ? Place(mark + 1, bytes.count) : nil
        do throws(RoutingError) {
            let operation = try RegistryOperation.route(
                method: method,
                head: bytes.span,
                path: Place(0, mark),
                query: query
            )
            text = operation.summary
            upstream = operation.upstreamTarget
            status = 200
            allow = nil
        } catch {
            text = error.code.text.description
            upstream = ""
            status = error.status
            allow = error.allow?.description
        }
    }
}

extension RegistryOperation {
    var summary: String {
        let parts = [repository?.bytes, reference?.bytes].compactMap { $0?.description }
        return ([name.description] + parts).joined(separator: " ")
    }

    var upstreamTarget: String {
        let buffer = Buffer(capacity: 16 * 1024)
        appendUpstreamTarget(to: buffer)
        return ByteString(copying: buffer.bytes).description
    }

    var loggedQuery: String {
        let buffer = Buffer(capacity: 16 * 1024)
        appendLoggedQuery(to: buffer)
        return ByteString(copying: buffer.bytes).description
    }
}

let sha256 = "sha256:" + String(repeating: "0123456789abcdef", count: 4)
let otherSHA256 = "sha256:" + String(repeating: "f", count: 64)
let escapedSHA256 = "sha256%3A" + String(repeating: "0123456789abcdef", count: 4)
