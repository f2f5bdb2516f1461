import Testing

@testable import NetIO

@Suite struct SocketAddressTests {
    @Test(
        "an address is printed as it was written",
        arguments: [
            ("127.0.0.1", "127.0.0.1:80", "127.0.0.1"),
            ("::1", "[::1]:80", "::1"),
            ("2001:db8::7", "[2001:db8::7]:80", "2001:db8::7"),
            ("::ffff:10.1.2.3", "10.1.2.3:80", "10.1.2.3"),
        ]
    )
    func printing(literal: String, authority: String, host: String) throws {
        let address = try #require(SocketAddress(literal: literal, port: 80))
        #expect(address.authority == authority)
        #expect(address.host == host)
        #expect(address.port == 80)
    }

    @Test("what is no literal address is refused", arguments: ["", "localhost", "1.2.3", "[::1]"])
    func refusal(text: String) { #expect(SocketAddress(literal: text, port: 1) == nil) }

    @Test func unixPathsOfUpTo107BytesFit() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(try #require(SocketAddress(unixPath: longest)).authority == "unix:\(longest)")
        #expect(SocketAddress(unixPath: longest + "a") == nil)
        #expect(SocketAddress(unixPath: "") == nil)
    }

    @Test func anIPv6SourceIsItsNetwork() throws {
        let one = try #require(SocketAddress(literal: "2001:db8:1:2:3::1", port: 1))
        let other = try #require(SocketAddress(literal: "2001:db8:1:2:ffff::9", port: 2))
        #expect(one.network == other.network)
        #expect(one.network == "2001:db8:1:2::/64")
        #expect(try #require(SocketAddress(literal: "10.0.0.1", port: 1)).network == "10.0.0.1")
    }
}
