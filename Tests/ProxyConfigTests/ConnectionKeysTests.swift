import Bytes
import Testing

@testable import ProxyConfig

@Suite struct ConnectionKeysTests {
    @Test(
        "a rate is a size or a plain number of bytes",
        arguments: [
            ("0", 0), ("16384", 16_384), ("16KiB", 16_384), ("1GiB", 1 << 30), ("0B", 0),
            ("-1", nil),
            ("1.5KiB", nil), ("2GiB", nil), ("'16'", nil), ("fast", nil), ("1KB", nil),
        ]
    )
    func rates(text: String, expected: Int?) {
        let read = report(base + "limits: { minimum_rate: \(text) }\n")
        #expect(read.configuration?.limits.minimumRate == expected)
    }

    @Test("trusted proxies are networks, and a PROXY header needs them")
    func trustedProxies() throws {
        func listening(_ keys: String) -> ConfigurationReport {
            report(
                "listen:\n  - { address: '127.0.0.1:1', \(keys) }\nupstream: { url: 'http://r' }\n")
        }
        let networks = "trusted_proxies: [10.0.0.0/8, '2001:db8::/32', 192.0.2.7]"
        let read = try #require(listening("\(networks), proxy_protocol: true").configuration)
        #expect(
            read.listen[0].trustedProxies.map(\.description) == [
                "10.0.0.0/8", "2001:db8::/32", "192.0.2.7",
            ])
        #expect(read.listen[0].proxyProtocol)
        for (keys, wrong) in [
            ("proxy_protocol: true", "has nobody to believe (trusted_proxies beside it)"),
            ("trusted_proxies: [], proxy_protocol: true", "has nobody to believe"),
            ("trusted_proxies: [10.0.0.1/8]", "has bits behind its prefix (10.0.0.0/8)"),
            ("trusted_proxies: [lb.example]", "is not a network (ADDRESS or ADDRESS/BITS)"),
        ] {
            let errors = listening(keys).errors.map(\.description)
            #expect(errors.count == 1)
            #expect(errors.first?.contains(wrong) == true, "\(errors)")
        }
    }
}
