import Authentication
import Bytes
import Foundation
import Secrets
import Testing

@Suite struct BasicCredentialsTests {
    private func parse(_ value: [UInt8]) throws(MalformedCredentials) -> BasicCredentials {
        try BasicCredentials(parsing: value.span)
    }

    private func basic(_ plain: [UInt8], scheme: String = "Basic ") -> [UInt8] {
        Array((scheme + Data(plain).base64EncodedString()).utf8)
    }

    private func kind(_ value: [UInt8]) -> MalformedCredentials.Reason? {
        do {
            _ = try parse(value)
            return nil
        } catch { return error.kind }
    }

    @Test(
        "user and password are split at the first colon",
        arguments: [
            ("alice:secret", "alice", "secret"), ("a:b:c", "a", "b:c"), ("a:::", "a", "::"),
            ("jürgen:pässwörd", "jürgen", "pässwörd"), (" a : b ", " a ", " b "),
        ] as [(String, ByteString, ByteString)]
    )
    func splits(plain: String, user: ByteString, password: ByteString) throws {
        let credentials = try parse(basic(Array(plain.utf8)))
        #expect(credentials.user == user)
        #expect(ByteString(copying: credentials.password.bytes) == password)
    }

    @Test(
        "the scheme is Basic in any case and one blank", arguments: ["Basic ", "basic ", "BASIC "])
    func schemes(scheme: String) throws {
        #expect(try parse(basic(Array("a:b".utf8), scheme: scheme)).user == "a")
    }

    @Test(
        "any other beginning is refused",
        arguments: [
            ("", .scheme), ("Basic", .scheme), ("Basic ", .base64), ("Basic  YTpi", .base64),
            ("Basic\tYTpi", .scheme), ("BasicYTpi", .scheme), ("Bearer YTpi", .scheme),
            (" Basic YTpi", .scheme), ("Basic YTpi ", .base64), ("Basic YTpi,", .base64),
            ("Basic YTp", .base64), ("YTpi", .scheme), ("ba\u{017F}ic YTpi", .scheme),
        ] as [(String, MalformedCredentials.Reason)]
    )
    func beginnings(value: String, expected: MalformedCredentials.Reason) {
        #expect(kind(Array(value.utf8)) == expected)
    }

    @Test("lengths: user 1 to 128 bytes, password 1 to 256, base64 up to 1024")
    func lengths() {
        func login(_ user: Int, _ password: Int) -> [UInt8] {
            let name = [UInt8](repeating: 0x75, count: user)
            return basic(name + [0x3A] + [UInt8](repeating: 0x70, count: password))
        }
        #expect(kind(login(1, 1)) == nil)
        #expect(kind(login(128, 256)) == nil)
        #expect(kind(login(0, 1)) == .userLength)
        #expect(kind(login(129, 1)) == .userLength)
        #expect(kind(login(1, 0)) == .emptyPassword)
        #expect(kind(login(1, 257)) == .passwordLength)
        #expect(kind(login(1, 766)) == .passwordLength)
        #expect(kind(login(1, 767)) == .tooLong)
        #expect(kind(basic([0x61, 0x62])) == .noColon)
    }

    @Test("every control byte in either part is refused, every other ASCII byte is taken")
    func controlBytes() {
        for byte in UInt8(0)...0x7F where byte != 0x3A {
            let isControl = byte < 0x20 || byte == 0x7F
            let inUser = kind(basic([0x61, byte, 0x3A, 0x62]))
            let inPassword = kind(basic([0x61, 0x3A, 0x62, byte]))
            #expect(inUser == (isControl ? .controlByte : nil))
            #expect(inPassword == (isControl ? .controlByte : nil))
        }
    }

    @Test(
        "bytes that are not UTF-8 are refused in either part",
        arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]]
            as [[UInt8]]
    )
    func invalidUTF8(bytes: [UInt8]) {
        #expect(kind(basic([0x61] + bytes + [0x3A, 0x62])) == .notUTF8)
        #expect(kind(basic([0x61, 0x3A, 0x62] + bytes)) == .notUTF8)
    }

    @Test("a user in order is known for the log when the password is not in order")
    func claimedUser() {
        do {
            _ = try parse(basic(Array("alice:".utf8)))
            Issue.record("an empty password was taken")
        } catch { #expect(error.claimedUser == "alice") }
        do {
            _ = try parse(basic(Array("al\u{7}ice:x".utf8)))
            Issue.record("a control byte was taken")
        } catch { #expect(error.claimedUser == nil) }
    }

    @Test("credentials do not show the password")
    func redacted() throws {
        var text = ""
        dump(try parse(basic(Array("alice:hunter2".utf8))), to: &text)
        #expect(!text.contains("hunter2"))
    }
}
