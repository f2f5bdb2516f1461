// Which versions and suites of TLS are spoken, asked by `openssl s_client`.

import TestSupport
import Testing

@Suite(.ownThreads) struct TLSPolicyTests {
    /// Whether a handshake that offers only this comes to an end.
    private func handshake(_ proxy: ProxyProcess, _ offer: [String]) throws -> Bool {
        let finished = try Command.run(
            [
                "openssl", "s_client", "-connect", "127.0.0.1:\(proxy.securePort)", "-CAfile",
                proxy.certificates.ca, "-verify_return_error",
            ] + offer)
        return finished.status == 0
    }

    /// At level 0 the client itself refuses nothing.
    private static let old = "ALL:COMPLEMENTOFALL@SECLEVEL=0"

    @Test("only TLS 1.2 and 1.3 with forward secrecy and AEAD are spoken")
    func matrix() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        for suite in [
            "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ] {
            #expect(try handshake(proxy, ["-tls1_2", "-cipher", suite]), "\(suite)")
        }
        for suite in [
            "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
        ] {
            #expect(try handshake(proxy, ["-tls1_3", "-ciphersuites", suite]), "\(suite)")
        }
        for version in ["-tls1", "-tls1_1"] {
            #expect(try !handshake(proxy, [version, "-cipher", Self.old]), "\(version)")
        }
        for suite in [
            "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM",
            "ECDHE-ECDSA-NULL-SHA", "AECDH-AES128-SHA", "AES128-GCM-SHA256", "AES128-SHA",
            "DHE-RSA-AES128-GCM-SHA256", "PSK-AES128-GCM-SHA256",
        ] {
            let offer = ["-tls1_2", "-cipher", "\(suite):@SECLEVEL=0"]
            #expect(try !handshake(proxy, offer), "\(suite)")
        }
        for suite in ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"] {
            #expect(try !handshake(proxy, ["-tls1_3", "-ciphersuites", suite]), "\(suite)")
        }
        // After all of them it still serves.
        #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
    }
}
