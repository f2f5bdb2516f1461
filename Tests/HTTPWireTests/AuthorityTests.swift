import Bytes
import HTTPWire
import Testing

@Suite struct AuthorityTests {
    @Test(
        "a host and perhaps a port: 9110 7.2, 3986 3.2",
        arguments: [
            ("a", "a", nil), ("registry.example", "registry.example", nil),
            ("Registry.Example.:443", "Registry.Example.", 443),
            ("a-b_c.d:65535", "a-b_c.d", 65535),
            ("127.0.0.1:5000", "127.0.0.1", 5000), ("a:0001", "a", 1), ("[::]", "[::]", nil),
            ("[::1]:5443", "[::1]", 5443), ("[2001:DB8::1]", "[2001:DB8::1]", nil),
            ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", nil), ("[1::]", "[1::]", nil),
            ("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]", 1),
            ("[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", nil),
        ] as [(String, String, Int?)]
    )
    func accepted(written: String, host: String, port: Int?) throws {
        let bytes = Array("x\(written)y".utf8)
        let authority = try #require(
            readAuthority(bytes, at: Place(1, bytes.count - 1))
        )
        #expect(text(authority.host, in: bytes) == host)
        #expect(authority.port == port)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ".", ".a", "a..b", "a..", ":443", "a:", "a:0", "a:65536", "a:123456",
            "a:99999999999",
            "a:+1", "a:-1", "a: 1", "a:1:2", "a:b", "a b", "a,b", "a/b", "a?b", "a#b", "u@a",
            "a%41",
            "a;b", "a\\b", "a'b", "a*b", "\u{E9}", "a\0", "[", "[]", "[]:1", "[:]", "[:::]", "[::1",
            "::1", "[::1]x", "[::1]:", "[::1]]", "[1]", "[1:2]", "[12345::]", "[g::]", "[1::2::3]",
            "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[:1::]", "[1::2:]",
            "[::1.2.3]", "[::1.2.3.4.5]", "[::256.1.1.1]", "[::01.1.1.1]", "[1.2.3.4::]",
            "[1.2.3.4]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[v1.a]", "[ ::1]", "[::1 ]",
        ]
    )
    func refused(written: String) {
        let bytes = Array(written.utf8)
        #expect(readAuthority(bytes, at: Place(0, bytes.count)) == nil)
    }

    @Test("a host is at most 255 bytes long")
    func length() {
        for (count, isRight) in [(255, true), (256, false)] {
            let bytes = Array(repeating: UInt8(ascii: "a"), count: count)
            #expect((readAuthority(bytes, at: Place(0, count)) != nil) == isRight)
        }
    }

    @Test("a host name holds letters, digits, hyphen, dot and underscore")
    func everyByte() {
        for byte in UInt8.min...UInt8.max {
            let bytes = [UInt8(ascii: "a"), byte, UInt8(ascii: "b")]
            let isAllowed =
                byte.isASCIILetter || byte.isASCIIDigit || Array("-._".utf8).contains(byte)
            let authority = readAuthority(bytes, at: Place(0, 3))
            #expect((authority != nil) == isAllowed, "byte \(byte)")
        }
    }
}
