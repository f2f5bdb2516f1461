import Bytes
import Testing

@testable import NetIO

private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil)
    -> [UInt8]
{
    let length = length ?? rest.count
    return [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, command, family]
        + [UInt8(length >> 8), UInt8(length & 255)] + rest
}

private let v4: [UInt8] = [192, 0, 2, 7, 10, 0, 0, 1, 0x9C, 0x40, 1, 0xBB]
private let v6: [UInt8] =
    [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [7]
    + Array(repeating: 0, count: 15) + [1, 0x9C, 0x40, 1, 0xBB]

private let client4 = ProxyHeader.client(
    IPAddress(bytes: [192, 0, 2, 7].span)!, port: 40_000)
private let client6 = ProxyHeader.client(
    IPAddress(parsing: Array("2001:db8::7".utf8).span)!, port: 40_000)

private func read(_ bytes: some Sequence<UInt8>) -> ProxyHeader.Reading {
    ProxyHeader.read(Array(bytes).span)
}

private let good: [([UInt8], ProxyHeader)] = [
    (Array("PROXY TCP4 192.0.2.7 10.0.0.1 40000 443\r\n".utf8), client4),
    (Array("PROXY TCP6 2001:db8::7 ::1 40000 443\r\n".utf8), client6),
    (Array("PROXY TCP6 ::ffff:192.0.2.7 ::1 40000 0\r\n".utf8), client4),
    (Array("PROXY UNKNOWN\r\n".utf8), .unknown),
    (Array("PROXY UNKNOWN ffff::f ffff::f 65535 65535\r\n".utf8), .unknown),
    (binary(0x21, 0x11, v4), client4),
    (binary(0x21, 0x11, v4 + [0x04, 0, 2, 1, 2]), client4),
    (binary(0x21, 0x21, v6), client6),
    (binary(0x20, 0x00, []), .unknown),
    (binary(0x20, 0x11, v4), .unknown),
    (binary(0x20, 0xEE, [1, 2, 3]), .unknown),
    (binary(0x21, 0x00, [1, 2, 3]), .unknown),
    (binary(0x21, 0x31, Array(repeating: 47, count: 216)), .unknown),
]

@Suite struct ProxyHeaderTests {
    @Test("a header is read at every cut, with what is behind it left alone")
    func goodOnes() {
        for (bytes, header) in good {
            for cut in 0..<bytes.count {
                #expect(read(bytes[..<cut]) == .incomplete, "\(bytes)")
            }
            let expected = ProxyHeader.Reading.complete(header, byteCount: bytes.count)
            #expect(read(bytes) == expected, "\(bytes)")
            #expect(read(bytes + [0x16, 3, 1]) == expected, "\(bytes)")
        }
    }

    @Test(
        "a line that is not exactly as it should be is refused",
        arguments: [
            "GET / HTTP/1.1\r\n", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", "PROXY TCP4 ::1 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
            "PROXY TCP4 ::ffff:1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP6 [::1] ::1 1 2\r\n",
            "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY UNKNOWNX\r\n", "PROXY \r\n", "PROXY\r\n",
            "PROXY UNKNOWN\rX", "P\r\n", "\r\n\r\n\u{0}\r\nQUIT\rX",
        ]
    )
    func badLines(text: String) {
        #expect(read(text.utf8) == .malformed)
    }

    @Test("a line has 107 bytes at most")
    func longLines() {
        let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 91)
        #expect(
            read("\(longest)\r\n".utf8)
                == .complete(.unknown, byteCount: 107))
        #expect(read("\(longest)x\r\n".utf8) == .malformed)
        #expect(read("\(longest)x".utf8) == .malformed)
    }

    @Test("a binary header that is not exactly as it should be is refused")
    func badBinaries() {
        let wrong: [[UInt8]] = [
            binary(0x11, 0x11, v4), binary(0x22, 0x11, v4), binary(0x31, 0x11, v4),
            binary(0x21, 0x12, v4), binary(0x21, 0x22, v6), binary(0x21, 0x32, v4),
            binary(0x21, 0x10, v4), binary(0x21, 0x41, v4), binary(0x21, 0xFF, v4),
            binary(0x21, 0x11, Array(v4.dropLast())), binary(0x21, 0x21, v4),
            binary(0x21, 0x31, [1, 2, 3]), binary(0x21, 0x11, v4, length: 0xFFFF),
            binary(0x20, 0x00, [], length: ProxyHeader.longest - 15),
        ]
        for bytes in wrong { #expect(read(bytes) == .malformed, "\(bytes)") }
        for index in 0..<12 {
            var bytes = binary(0x21, 0x11, v4)
            bytes[index] ^= 1
            #expect(read(bytes) == .malformed)
            #expect(read(bytes[...index]) == .malformed)
        }
    }

    @Test("no byte changed anywhere makes it crash or read past its end")
    func mutations() {
        for (bytes, _) in good {
            for index in bytes.indices {
                for value in [UInt8](0...255) {
                    var changed = bytes
                    changed[index] = value
                    if case .complete(_, let count) = read(changed) {
                        #expect(count <= changed.count)
                    }
                }
            }
        }
    }
}
