import Testing

@testable import Bytes

private func address(_ text: String) -> IPAddress? { IPAddress(parsing: Array(text.utf8).span) }

@Suite struct IPAddressTests {
    @Test(
        "an address is printed in the one form of RFC 5952",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("::1", "::1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"), ("1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:c000:201", "192.0.2.1"),
            ("::1.2.3.4", "::102:304"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ]
    )
    func printing(text: String, shown: String) throws {
        let parsed = try #require(address(text))
        #expect(parsed.description == shown)
        #expect(address(shown) == parsed)
        #expect(IPAddress(bytes: parsed.bytes.span) == parsed)
    }

    @Test(
        "anything else is no address",
        arguments: [
            "", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1.2.3.256", "01.2.3.4",
            "1.2.3.4 ", "+1.2.3.4", "1.2.3.0x4", "127.1", ":", ":::", "::1::", "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::",
            "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1:", "1.2.3.4::", "::1.2.3.4:1", "::1%lo",
            "[::1]", "::1.2.3", "::\u{661}",
        ]
    )
    func refusal(text: String) { #expect(address(text) == nil) }

    @Test("in a URL an IPv6 address has brackets, and no other")
    func hosts() {
        func host(_ text: String) -> IPAddress? { IPAddress(host: Array(text.utf8).span) }
        #expect(host("[::1]")?.hostText == "[::1]")
        #expect(host("[::ffff:1.2.3.4]")?.hostText == "1.2.3.4")
        #expect(host("127.0.0.1") == .loopback)
        for wrong in ["::1", "[127.0.0.1]", "[]", "[", "]", "[::1", "::1]"] {
            #expect(host(wrong) == nil, "\(wrong)")
        }
    }

    @Test(
        "private, loopback and wildcard addresses are known",
        arguments: [
            ("10.255.0.1", "p"), ("11.0.0.1", ""), ("172.16.0.1", "p"), ("172.31.255.255", "p"),
            ("172.32.0.1", ""), ("172.15.0.1", ""), ("192.168.9.9", "p"), ("192.169.0.1", ""),
            ("169.254.1.1", "p"), ("fc00::1", "p"), ("fdff::1", "p"), ("fe00::1", ""),
            ("fe80::1", "p"), ("febf::1", "p"), ("fec0::1", ""), ("127.9.9.9", "l"), ("::1", "l"),
            ("::2", ""), ("128.0.0.1", ""), ("0.0.0.0", "w"), ("::", "w"), ("2001:db8::1", ""),
        ]
    )
    func kinds(text: String, kinds: String) throws {
        let parsed = try #require(address(text))
        let found =
            (parsed.isPrivate ? "p" : "") + (parsed.isLoopback ? "l" : "")
            + (parsed.isWildcard ? "w" : "")
        #expect(found == kinds)
    }
}

@Suite struct IPNetworkTests {
    private func network(_ text: String) throws(IPNetwork.Problem) -> IPNetwork {
        try IPNetwork(parsing: Array(text.utf8).span)
    }

    @Test(
        "a network contains what begins as it does",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("0.0.0.0/0", "255.0.0.1", "::1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"), ("192.0.2.6/31", "192.0.2.7", "192.0.2.8"),
            ("::/0", "ffff::", "1.2.3.4"), ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", "2001:db8:0:2::"),
            ("2001:db8::8000:0:0:0/65", "2001:db8::ffff:0:0:0", "2001:db8::7fff:0:0:0"),
            ("::1", "::1", "::2"), ("::ffff:10.0.0.0/8", "10.1.1.1", "::ffff:11.0.0.0"),
        ]
    )
    func contains(text: String, inside: String, outside: String) throws {
        let network = try network(text)
        #expect(network.contains(try #require(address(inside))))
        #expect(!network.contains(try #require(address(outside))))
        #expect(try self.network(network.description) == network)
    }

    @Test(
        "anything else is no network",
        arguments: [
            "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8/8",
            "10.0.0.0/255.0.0.0", "::/129", "::/1000", "example.com", "10/8", "10.0.0.0 /8",
        ]
    )
    func refusal(text: String) {
        #expect(throws: IPNetwork.Problem.malformed) { try self.network(text) }
    }

    @Test("bits behind the prefix are refused, with the network that was perhaps meant")
    func strayBits() throws {
        let meant = try network("10.0.0.0/8")
        #expect(throws: IPNetwork.Problem.bitsBehindPrefix(meant)) {
            try self.network("10.0.0.1/8")
        }
        let narrow = try network("2001:db8::/127")
        #expect(throws: IPNetwork.Problem.bitsBehindPrefix(narrow)) {
            try self.network("2001:db8::1/127")
        }
    }

    @Test("one source is an IPv4 address or an IPv6 /64")
    func sources() throws {
        #expect(try #require(address("10.0.0.1")).source.description == "10.0.0.1")
        #expect(
            try #require(address("2001:db8:1:2:3::1")).source.description == "2001:db8:1:2::/64")
    }
}
