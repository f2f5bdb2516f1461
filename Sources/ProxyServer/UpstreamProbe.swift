import Bytes
import HTTPWire
public import NetIO
import Secrets

/// Asks the registry whether it is there and lets the proxy in, before anything is served: for
/// `check --probe`. Lives on the loop that it is given.
public actor UpstreamProbe {
    public struct Report: Sendable {
        /// Where the registry is; empty if its name has no address.
        public let addresses: [SocketAddress]
        /// `nil`: it answers, and lets the proxy in.
        public let failure: String?
    }

    private nonisolated let loop: EventLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop lives as long as the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }
    private let settings: ServerSettings

    public init(of settings: ServerSettings, on loop: EventLoop) {
        self.settings = settings
        self.loop = loop
    }

    /// Takes at most as long as the time-outs for a connection and an answer say.
    public func run() async -> Report {
        let route = settings.route(to: settings.upstream.addresses)
        let waiter = Waiter(on: loop)
        defer { waiter.retire() }
        var failure: String?
        do throws(StreamError) {
            let stream = try await route.connect(on: loop, for: waiter)
            failure = await ask(stream)
        } catch {
            failure = error.reason
        }
        guard case .known(let addresses) = route.addresses.answer(at: loop.now) else {
            return Report(addresses: [], failure: failure)
        }
        return Report(addresses: addresses, failure: failure)
    }

    /// - Returns: what is wrong with its answer.
    private func ask(_ stream: ByteStream) async -> String? {
        let reader = MessageReader(stream)
        let out = loop.buffers.take(.small)
        defer {
            loop.buffers.give(out)
            reader.close()
            stream.close()
        }
        out.append("GET /v2/ HTTP/1.1\r\nUser-Agent: registry-proxy\r\nConnection: close\r\nHost: ")
        out.append(settings.upstream.authority)
        out.append("\r\n")
        if let authorization = settings.upstream.authorization {
            out.append(field: "Authorization", authorization.bytes)
        }
        out.append("\r\n")
        do throws(StreamError) {
            try await stream.write(out, stall: settings.timeouts.stall)
        } catch {
            return error.reason
        }
        return await readAnswer(reader)
    }

    private func readAnswer(_ reader: MessageReader) async -> String? {
        var head = ResponseHead()
        let deadline = settings.timeouts.upstreamResponse.deadline(from: loop.now)
        do throws(ReadFailure) {
            let bytes = try await reader.readHead(by: deadline) { bytes throws(WireError) in
                try head.parse(bytes, limits: LoopServices.answerLimits, answering: .get)
                    ? head.byteCount : nil
            }
            guard let bytes else { return "it ended the connection" }
            loop.buffers.give(bytes)
        } catch {
            switch error {
            case .malformed(let rule): return rule.reason.description
            case .stream(let failure): return failure.reason
            }
        }
        switch head.status {
        case 200: return nil
        case 401, 407: return "it does not let the proxy in (status \(head.status))"
        default: return "it answers \(head.status) to GET /v2/"
        }
    }
}
