import Bytes
import HTTPWire
import Logbook
import NetIO
import NetTLS
import RegistryAPI

/// Redirects of the registry to its storage (`upstream.redirects`).
extension Exchange {
    /// Decides about a redirect, if the answer that is there is one, and follows it if that is
    /// meant. Afterwards the answer that is there may be relayed.
    func settleRedirect(
        of operation: RegistryOperation,
        answering method: Method
    ) async throws(Interruption) {
        guard response.isRedirect else { return }
        guard case .blob(let verb, _, let digest) = operation, verb != .delete,
            [302, 303, 307].contains(response.status), response.fields.count(of: .location) == 1
        else { throw refuseRedirect("it answered \(response.status)") }
        maySendRedirect = true
        if leadsToRegistry { return try passOwnRedirect() }
        guard let target = redirectTarget(from: nil) else {
            throw refuseRedirect("it redirects to what is no URL of http or https")
        }
        try checkHost(of: target)
        switch settings.upstream.redirects {
        case .pass: return
        case .refuse: throw refuseRedirect("it redirects to \(target.authority)")
        case .follow(let authorities):
            try await follow(target, answering: method, trusting: authorities)
            followedDigest = digest.bytes
        }
    }

    /// Back to the registry means back to the proxy: there the client is asked anew.
    private func passOwnRedirect() throws(Interruption) {
        if case .refuse = settings.upstream.redirects {
            throw refuseRedirect("it redirects to itself")
        }
    }

    private var leadsToRegistry: Bool {
        guard let bytes = upstream?.responseBytes, let place = response.fields.first(.location)
        else { return false }
        return LocationRewriting.pathOnly(bytes.bytes.extracting(place), ours: ownAuthorities)
            != nil
    }

    private func redirectTarget(from base: RedirectTarget?) -> RedirectTarget? {
        guard let bytes = upstream?.responseBytes, let place = response.fields.first(.location)
        else { return nil }
        return RedirectTarget(parsing: bytes.bytes.extracting(place), from: base)
    }

    private func checkHost(of target: RedirectTarget) throws(Interruption) {
        let allowed = settings.upstream.redirectHosts
        let isAllowed =
            allowed.isEmpty
            || allowed.contains { $0.matches(target.host.span, port: target.port) }
        if !isAllowed {
            throw refuseRedirect("\(target.authority) is none of upstream.redirect_hosts")
        }
    }

    /// No answer but that to a GET or HEAD of a blob may be a redirect.
    func refuseOtherRedirects() throws(Interruption) {
        if response.isRedirect, !maySendRedirect {
            throw refuseRedirect("it answered \(response.status)")
        }
    }

    private func refuseRedirect(_ reason: String) -> Interruption {
        services.shared.upstreamFaults.note(.redirect, reason, at: now)
        return .refused(.badGateway("the registry redirects where the proxy does not go"))
    }
}

extension ResponseHead {
    /// Any of 3xx but 304, which is about the client's own copy.
    fileprivate var isRedirect: Bool { (300..<400).contains(status) && status != 304 }
}

/// Fetching from storage.
extension Exchange {
    private static let hopLimit = 3
    /// Of a redirect's body, a line of HTML; a longer one costs the connection.
    private static let redirectBodyLimit = 4096

    private func follow(
        _ first: RedirectTarget,
        answering method: Method,
        trusting authorities: TLSClientContext
    ) async throws(Interruption) {
        var target = first
        for hop in 1...Self.hopLimit {
            try await dropRedirect()
            try await connect(to: target, trusting: authorities)
            try await askStorage(for: target, method)
            try await readResponseHead(answering: method, timeouts.upstreamResponse)
            let status = response.status
            if [200, 206, 304, 412, 416].contains(status) { return }
            guard [301, 302, 303, 307, 308].contains(status), hop < Self.hopLimit else {
                throw refuseRedirect("\(target.authority) answered \(status)")
            }
            guard let next = redirectTarget(from: target), next.isSecure || !target.isSecure else {
                throw refuseRedirect("\(target.authority) redirects to an unsafe URL")
            }
            // The proxy itself would ask the registry, which would redirect again.
            if ownAuthorities.contains(next.authority) {
                throw refuseRedirect("\(target.authority) redirects back to where it came from")
            }
            try checkHost(of: next)
            target = next
        }
    }

    /// Ends the answer that is there, so that the registry's connection can be used again.
    private func dropRedirect() async throws(Interruption) {
        let upstream = activeUpstream
        if let head = upstream.takeResponseBytes() { loop.buffers.give(head) }
        upstream.reader.beginBody(response.framing)
        let scrap = loop.buffers.take(.small)
        defer { loop.buffers.give(scrap) }
        var isClean = response.keepsAlive && hasSentRequest
        let deadline = timeouts.stall.deadline(from: now)
        while isClean, !upstream.reader.isBodyComplete {
            do throws(ReadFailure) {
                let attempt = try upstream.reader.tryReadPayload(
                    into: scrap,
                    atMost: Self.redirectBodyLimit
                )
                isClean = upstream.reader.payloadByteCount <= Self.redirectBodyLimit
                scrap.clear()
                if attempt == .progress { continue }
            } catch {
                throw .upstream(error)
            }
            try await pauseForUpstream(until: deadline)
        }
        releaseUpstream(isClean: isClean && !upstream.reader.hasUnread)
    }

    private func connect(
        to target: RedirectTarget,
        trusting authorities: TLSClientContext
    ) async throws(Interruption) {
        let isBracketed = target.host.bytes.first == UInt8(ascii: "[")
        let host =
            isBracketed ? ByteString(Array(target.host.bytes.dropFirst().dropLast())) : target.host
        let route = Route(
            addresses: services.shared.storageAddresses.addresses(of: host, port: target.port),
            security: target.isSecure ? Route.Security(authorities, for: host.description) : nil,
            timeout: timeouts.upstreamConnect
        )
        let deadline = route.timeout.deadline(from: now)
        let waiter = connection.waiter
        let found: [SocketAddress]
        do throws(StreamError) {
            found = try await route.resolve(on: loop, for: waiter, by: deadline)
        } catch {
            throw unreachable(target, error)
        }
        guard !isRegistry(found) else {
            throw refuseRedirect("\(target.authority) is the registry under another name")
        }
        do throws(StreamError) {
            let stream = try await route.connect(to: found, on: loop, for: waiter, by: deadline)
            services.metrics.connectionOpened(.upstream)
            use(UpstreamConnection(stream, isSingle: true))
        } catch {
            throw unreachable(target, error)
        }
    }

    private func unreachable(_ target: RedirectTarget, _ error: StreamError) -> Interruption {
        let reason = "\(target.authority): \(error.reason)"
        services.shared.upstreamFaults.note(.redirect, reason, at: now)
        return .refused(.unreachable(error))
    }

    /// Whether a server is the registry, of which no rule was asked about what the redirect names;
    /// also where that cannot be told (rule R12).
    private func isRegistry(_ found: [SocketAddress]) -> Bool {
        guard case .known(let own) = generation.upstreamAddresses.answer(at: now) else {
            return true
        }
        return found.contains { address in own.contains { address.isSurely($0) } }
    }

    private func askStorage(
        for target: RedirectTarget,
        _ method: Method
    ) async throws(Interruption) {
        let room = RedirectTarget.longest + head.byteCount + 2048
        let out = loop.buffers.take(holding: room)
        defer { loop.buffers.give(out) }
        out.append(method.name)
        out.append(UInt8(ascii: " "))
        out.append(target.pathAndQuery)
        out.append(" HTTP/1.1\r\nHost: ")
        out.append(target.authority)
        out.append("\r\n")
        appendStorageFields(to: out)
        out.append("\r\n")
        hasSentRequest = try await sendUpstream(out, answering: method)
    }
}

extension SocketAddress {
    /// Whether a connection to the one ends where one to the other does: at the same port of the
    /// same address, or of this machine.
    fileprivate func isSurely(_ other: SocketAddress) -> Bool {
        guard port == other.port, let ip, let otherIP = other.ip else { return false }
        return ip == otherIP || ip.isOfThisMachine && otherIP.isOfThisMachine
    }
}

extension IPAddress {
    fileprivate var isOfThisMachine: Bool { isLoopback || isWildcard }
}
