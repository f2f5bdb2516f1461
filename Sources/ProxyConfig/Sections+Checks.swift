import AccessControl
import Bytes

// What several keys say together. These checks see values that were read without an error, or the
// initial ones; they ask the tree which keys are there, so that one mistake is reported once.

extension Sections {
    /// A listener without TLS hands passwords to the network, so it must be asked for.
    static func checkListener(
        _ listener: inout Configuration.Listener,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        if let flag = node["proxy_protocol"], listener.proxyProtocol,
            node["trusted_proxies"].isNothingWritten
        {
            let allowed = "trusted_proxies beside it"
            let wrong = "has nobody to believe"
            reading.refuse(flag.mark, place.key("proxy_protocol"), wrong, allowed: allowed)
        }
        guard let address = node["address"] else { return }
        listener.position = reading.position(address.mark)
        if let flag = node["plaintext"], listener.plaintext, node["tls"] != nil {
            let allowed = "one of the two"
            reading.refuse(flag.mark, place.key("plaintext"), "stands beside tls", allowed: allowed)
        }
        if node["tls"] == nil, !listener.plaintext, !listener.address.isLocal {
            reading.refuse(
                address.mark,
                place.key("address"),
                "\(listener.address) would carry passwords unencrypted",
                allowed: "a loopback or unix address, tls, or plaintext: true"
            )
        }
    }

    /// Certificates of clients are checked against authorities of theirs, or not asked for.
    static func checkClients(
        _ tls: inout Configuration.TLS,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        let needed = [
            ("client_ca", "client_certificate"), ("client_certificate", "client_ca"),
            ("client_crl", "client_ca"),
        ]
        for (key, other) in needed {
            guard let value = node[key], node[other] == nil else { continue }
            reading.refuse(
                value.mark, place.key(key), "stands alone", allowed: "\(other) beside it")
        }
    }

    /// Which keys of the way to the registry need each other.
    static func checkUpstream(
        _ upstream: inout Configuration.Upstream,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        guard let url = node["url"] else { return }
        upstream.position = reading.position(url.mark)
        guard upstream.url != .none else { return }
        if upstream.url.isHTTPS, node["ca"] == nil {
            let allowed = "ca: the PEM file of whoever signs the registry's certificate"
            reading.refuse(url.mark, place.key("url"), "is https without ca", allowed: allowed)
        }
        if let ca = node["ca"], !upstream.url.isHTTPS {
            let allowed = "only with an https:// URL"
            reading.refuse(ca.mark, place.key("ca"), "has nothing to check", allowed: allowed)
        }
        let pair = ["username", "password_file"]
        for (key, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            guard let value = node[key], node[other] == nil else { continue }
            reading.refuse(
                value.mark, place.key(key), "stands alone", allowed: "\(other) beside it")
        }
        if let user = node["username"], !upstream.url.isHTTPS, !upstream.url.isLocal {
            let allowed = "https, or an address of this machine"
            let wrong = "would cross the network unencrypted, with the password"
            reading.warn(user.mark, place.key("username"), wrong, allowed: allowed)
        }
    }

    static func checkWhole(
        _ configuration: inout Configuration,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        checkLoop(configuration, node, &reading)
        checkBindings(node, &reading)
        if let section = node["auth"]?["client_certificates"],
            configuration.listen.allSatisfy({ $0.tls?.clientCA == nil })
        {
            reading.warn(
                section.mark,
                place.key("auth").key("client_certificates"),
                "has no listener that asks for certificates",
                allowed: "listen[].tls.client_ca"
            )
        }
        if node["log"]?["audit"] == nil {
            reading.warn(
                (node["log"] ?? node).mark,
                place.key("log").key("audit"),
                "is absent: nothing records who changed what",
                allowed: "a section with the path of the audit trail"
            )
        }
        if configuration.access.rules.isEmpty, node["access"]?["rules"].isNothingWritten ?? true {
            let mark = (node["access"] ?? node).mark
            reading.warn(
                mark,
                place.key("access").key("rules"),
                "is empty: every request is denied",
                allowed: "at least one rule"
            )
        }
    }

    /// A proxy that is its own upstream would pass each request to itself until it breaks down.
    private static func checkLoop(
        _ configuration: Configuration,
        _ node: YAMLNode,
        _ reading: inout Reading
    ) {
        guard let url = node["upstream"]?["url"] else { return }
        for bound in boundAddresses(node) where configuration.upstream.url.reaches(bound.endpoint) {
            reading.refuse(
                url.mark,
                KeyPlace.root.key("upstream").key("url"),
                "is the proxy's own address, \(bound.place.shown)",
                allowed: "the address of the registry"
            )
        }
    }

    /// Two sockets cannot be bound to one address. Port 0 is another port each time.
    private static func checkBindings(_ node: YAMLNode, _ reading: inout Reading) {
        var taken: [Endpoint: String] = [:]
        for bound in boundAddresses(node) {
            if case .ip(_, port: 0) = bound.endpoint { continue }
            if let other = taken.updateValue(bound.place.shown, forKey: bound.endpoint) {
                let wrong = "\(bound.endpoint) is taken by \(other)"
                reading.refuse(bound.mark, bound.place, wrong, allowed: "an address of its own")
            }
        }
    }

    private typealias Bound = (endpoint: Endpoint, place: KeyPlace, mark: YAMLMark)

    /// Every address of the file that can be read.
    private static func boundAddresses(_ node: YAMLNode) -> [Bound] {
        let listen = KeyPlace.root.key("listen")
        var nodes = (node["listen"]?.elements ?? []).enumerated().map { index, listener in
            (listener["address"], listen.element(index))
        }
        nodes.append((node["admin"]?["address"], KeyPlace.root.key("admin")))
        return nodes.compactMap { address, place in
            guard let address, case .scalar(let text, _) = address.content,
                let endpoint = Endpoint(text)
            else { return nil }
            return (endpoint, place.key("address"), address.mark)
        }
    }
}

extension YAMLNode {
    /// Of a list; else none.
    var elements: [YAMLNode] {
        if case .sequence(let nodes) = content { nodes } else { [] }
    }
}

extension YAMLNode? {
    /// Absent, or a list without elements.
    fileprivate var isNothingWritten: Bool {
        guard let node = self else { return true }
        if case .sequence(let nodes) = node.content { return nodes.isEmpty }
        return false
    }
}
