import AccessControl
import Bytes

/// The file's sections, outside in. This is the whole list of keys; `docs/configuration.md` tells
/// what each means, and a test keeps the two the same.
enum Sections {
    static let root = Section(
        initial: Configuration(),
        fields: [
            Field("listen", \.listen, .list(of: .section(listener)), isRequired: true),
            Field("external_url", \.externalURL, .webAddress([.https, .http])),
            Field("upstream", \.upstream, .section(upstream), isRequired: true),
            Field("auth", \.auth, .section(auth)),
            Field("access", \.access, .section(access)),
            Field("cors", \.cors, .section(cors)),
            Field("log", \.log, .section(log)),
            Field("admin", \.admin, .section(admin)),
            Field("limits", \.limits, .section(limits)),
            Field("timeouts", \.timeouts, .section(timeouts)),
        ],
        check: checkWhole
    )

    static let listener = Section(
        initial: Configuration.Listener(),
        fields: [
            Field("address", \.address, .endpoint, isRequired: true),
            Field("tls", \.tls, .section(tls)),
            Field("plaintext", \.plaintext, .flag),
            Field(
                "trusted_proxies",
                \.trustedProxies,
                .list(of: .network, mayBeEmpty: true),
                showsDefault: false
            ),
            Field("proxy_protocol", \.proxyProtocol, .flag),
        ],
        check: checkListener
    )

    static let tls = Section(
        initial: Configuration.TLS(),
        fields: [
            Field("certificate", \.certificate, .file, isRequired: true),
            Field("private_key", \.privateKey, .file, isRequired: true),
            Field("minimum_version", \.minimumVersion, .choice()),
            Field("client_ca", \.clientCA, .file),
            Field("client_certificate", \.clientCertificate, .choice()),
            Field("client_crl", \.clientCRL, .file),
        ],
        check: checkClients
    )

    static let upstream = Section(
        initial: Configuration.Upstream(),
        fields: [
            Field("url", \.url, .upstream, isRequired: true),
            Field("ca", \.ca, .file),
            Field("username", \.username, .text(upTo: 128, without: ":")),
            Field("password_file", \.passwordFile, .secret),
            Field("redirects", \.redirects, .choice()),
            Field(
                "redirect_hosts",
                \.redirectHosts,
                .list(of: .hostPattern, mayBeEmpty: true),
                showsDefault: false
            ),
        ],
        check: checkUpstream
    )

    static let auth = Section(
        initial: Configuration.Auth(),
        fields: [
            Field("realm", \.realm, .realm),
            Field("challenge", \.challenge, .choice()),
            Field("order", \.order, .loginOrder),
            Field("htpasswd", \.htpasswd, .section(htpasswd)),
            Field("ldap", \.ldap, .section(directory)),
            Field("client_certificates", \.clientCertificates, .section(clientCertificates)),
            Field("cache", \.cache, .section(loginCache)),
            Field("throttle", \.throttle, .section(loginThrottle)),
            Field("token", \.token, .section(token)),
            Field("robots", \.robots, .section(robots)),
        ]
    )

    static let token = Section(
        initial: Configuration.Token(),
        fields: [
            Field("key_file", \.keyFile, .secret),
            Field("lifetime", \.lifetime, .duration(.seconds(60) ... .hours(1))),
            Field("service", \.service, .realm),
        ]
    )

    static let robots = Section(
        initial: Configuration.Robots(),
        fields: [Field("file", \.file, .outputFile, isRequired: true)]
    )

    static let htpasswd = Section(
        initial: Configuration.Htpasswd(),
        fields: [Field("file", \.file, .file, isRequired: true)]
    )

    static let clientCertificates = Section(
        initial: Configuration.ClientCertificates(),
        fields: [Field("user", \.user, .choice())]
    )

    static let loginCache = Section(
        initial: Configuration.LoginCache(),
        fields: [
            Field("lifetime", \.lifetime, .duration(shortest ... .hours(24))),
            Field("ldap_lifetime", \.ldapLifetime, .duration(shortest ... .minutes(5))),
            Field("wrong_lifetime", \.wrongLifetime, .duration(shortest ... .minutes(10))),
            Field("entries", \.entries, .count(1...1_000_000)),
        ]
    )

    static let loginThrottle = Section(
        initial: Configuration.LoginThrottle(),
        fields: [
            Field("enabled", \.enabled, .flag),
            Field("per_user_and_network", \.perUserAndNetwork, .count(1...1000)),
            Field("per_network", \.perNetwork, .count(1...10_000)),
        ]
    )

    static let cors = Section(
        initial: Configuration.CORS(),
        fields: [
            Field(
                "origins",
                \.origins,
                .list(of: .webAddress([.https, .http]), mayBeEmpty: true),
                showsDefault: false
            )
        ]
    )

    static let log = Section(
        initial: Configuration.Log(),
        fields: [
            Field("level", \.level, .choice()),
            Field("access", \.access, .section(accessLog)),
            Field("audit", \.audit, .section(auditTrail)),
        ]
    )

    static let accessLog = Section(
        initial: Configuration.AccessLog(),
        fields: [
            Field("path", \.path, .logDestination),
            Field("format", \.format, .choice()),
        ]
    )

    static let auditTrail = Section(
        initial: Configuration.Audit(),
        fields: [
            Field("path", \.path, .outputFile, isRequired: true),
            Field("sync", \.sync, .choice()),
            Field("rotate_size", \.rotateSize, .size(.kibibytes(1) ... .gibibytes(1024))),
            Field("rotate_age", \.rotateAge, .duration(.seconds(1) ... .hours(24 * 366))),
            Field("keep", \.keep, .count(1...100_000)),
            Field("compress", \.compress, .flag),
            Field("checkpoint", \.checkpoint, .count(1...1_000_000)),
            // Read once, at the start: a change of it is no reload.
            Field("signing_key_file", \.signingKeyFile, .madeSecret),
        ]
    )

    static let admin = Section(
        initial: Configuration.Admin(),
        fields: [Field("address", \.address, .endpoint, isRequired: true)],
        check: { admin, node, _, reading in
            if let address = node["address"] { admin.position = reading.position(address.mark) }
        }
    )

    static let limits = Section(
        initial: Configuration.Limits(),
        fields: [
            Field("request_head", \.requestHead, .size(.kibibytes(4) ... .kibibytes(64))),
            Field("manifest", \.manifest, .size(.kibibytes(1) ... .mebibytes(64))),
            Field("connections", \.connections, .count(1...1_000_000)),
            Field("connections_per_client", \.connectionsPerClient, .count(0...1_000_000)),
            Field("logins_waiting", \.loginsWaiting, .count(4...65_536)),
            Field("minimum_rate", \.minimumRate, .rate),
            Field("linger_bytes", \.lingerBytes, .size(.bytes(0) ... .gibibytes(1))),
        ]
    )

    static let timeouts = Section(
        initial: Configuration.Timeouts(),
        fields: [
            Field("tls_handshake", \.tlsHandshake, .duration(shortest ... .minutes(5))),
            Field("request_head", \.requestHead, .duration(shortest ... .minutes(5))),
            Field("idle", \.idle, .duration(shortest ... .hours(1))),
            Field("stall", \.stall, .duration(shortest ... .hours(1))),
            Field("upstream_connect", \.upstreamConnect, .duration(shortest ... .minutes(5))),
            Field("upstream_response", \.upstreamResponse, .duration(shortest ... .hours(1))),
            Field("manifest_body", \.manifestBody, .duration(shortest ... .minutes(10))),
            Field("upstream_commit", \.upstreamCommit, .duration(shortest ... .hours(24))),
            Field("linger", \.linger, .duration(shortest ... .minutes(5))),
            Field("drain", \.drain, .duration(shortest ... .hours(24))),
        ]
    )

    /// No deadline can be switched off, and none so short that a healthy network misses it.
    private static let shortest = TimeSpan.milliseconds(100)
}

extension ValueKind<String> {
    /// What can stand between the quotes of a challenge as it is (RFC 9110 section 11.5).
    fileprivate static let realm = scalar(
        type: "text",
        range: "1 … 128 characters",
        allowed: #"1 to 128 characters of printable ASCII without " and \"#
    ) { text, _ in
        let isPrintable = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        if !isPrintable || text.utf8.contains(where: { #""\"#.utf8.contains($0) }) {
            return .wrong("\(quoted(text)) has a character that is not allowed")
        }
        if !(1...128).contains(text.utf8.count) {
            return .wrong("has \(text.utf8.count) characters")
        }
        return .value(text)
    }
}

extension ValueKind<Configuration.LogDestination> {
    fileprivate static let logDestination: ValueKind = {
        let file = ValueKind<FileReference>.outputFile
        let allowed = #"the path of a file, "-" for standard output, or off"#
        return ValueKind(
            type: "path",
            range: #"a path, "-" or off"#,
            allowed: allowed,
            show: { _ in "-" },
            read: { node, place, reading in
                switch node.content {
                case .scalar("-", _): return .standardOutput
                case .scalar("off", _): return .off
                default: return file.read(node, place, &reading).map { .file($0) }
                }
            }
        )
    }()
}
