import Bytes
import RegistryAPI
import Testing

@Suite struct NamesTests {
    @Test(
        "a repository name of the specification's grammar is taken",
        arguments: [
            "a", "0", "team-a/app", "a.b", "a_b", "a__b", "a---b", "library/ubuntu", "a/b/c/d/e",
            "manifests/blobs/uploads", "1.2.3", "a-b_c.d__e--f",
            String(repeating: "a", count: 255),
        ]
    )
    func goodName(text: String) {
        #expect(RepositoryName(validating: Array(text.utf8).span)?.bytes == ByteString(text))
    }

    @Test(
        "anything else is no repository name",
        arguments: [
            "", "/", "a/", "/a", "a//b", ".", "..", "a/..", "../a", "a/../b", "a..b", "a___b",
            "a._b",
            "a.", ".a", "-a", "a-", "_a", "a_", "a-/b", "a/-b", "A", "Team/app", "a/B", "_catalog",
            "a b", "a\tb", "a\0b", "a%2fb", "a\\b", "a;b", "a:b", "a@b", "é", "host:5000/a",
            "host.example:5000/a", String(repeating: "a", count: 256),
        ]
    )
    func badName(text: String) {
        #expect(RepositoryName(validating: Array(text.utf8).span) == nil)
    }

    @Test("of all bytes, only a-z, 0-9 and the separators stand inside a name")
    func everyByteInName() {
        for byte in UInt8.min...UInt8.max {
            let taken = RepositoryName(validating: [0x61, byte, 0x61].span) != nil
            let isAllowed = "abcdefghijklmnopqrstuvwxyz0123456789/._-".utf8.contains(byte)
            #expect(taken == isAllowed, "byte \(byte)")
        }
    }

    @Test("a part of a name has no slash")
    func part() {
        for (text, expected) in [("team-a", true), ("team/a", false), ("", false), ("..", false)] {
            let isPart = RepositoryName.isPart(Array(text.utf8).span)
            #expect(isPart == expected, "\(text)")
        }
    }

    @Test("a tag begins with a letter, digit or underscore and has at most 128 bytes")
    func tags() {
        for good in ["v1", "_", "A.b-C_d", "1.0", String(repeating: "x", count: 128)] {
            #expect(Tag(validating: Array(good.utf8).span) != nil, "\(good)")
        }
        for bad in [
            "", ".", "..", ".a", "-a", "a/b", "a:b", "a b", "a+b", "é", "a%",
            String(repeating: "x", count: 129),
        ] {
            #expect(Tag(validating: Array(bad.utf8).span) == nil, "\(bad)")
        }
    }

    @Test("a digest is an algorithm, a colon and at least 32 hexadecimal digits")
    func digests() {
        let digits = String(repeating: "aB", count: 16)
        for good in [sha256, "sha512:" + digits, "a:" + digits, "sha256+b64.x-y_z:" + digits] {
            #expect(Digest(validating: Array(good.utf8).span) != nil, "\(good)")
        }
        for bad in [
            "", ":", "sha256", "sha256:", ":" + digits, "sha256:" + String(digits.dropLast()),
            "256:" + digits, "sha+:" + digits, "+sha:" + digits, "sha++x:" + digits,
            "sha+2:" + digits, "sha256:" + digits + "g", "sha256:" + digits + "/x",
            "sha256:" + digits + ":", "sha%:" + digits,
            "a:" + String(repeating: "0", count: 512),
        ] {
            #expect(Digest(validating: Array(bad.utf8).span) == nil, "\(bad)")
        }
    }

    @Test("an upload id holds nothing that a path would have to escape")
    func uploadIDs() {
        for good in ["0", "6c6e3e0f-95c1-4ab4-9f1b-0ad0d2ba5d35", "a=b", "_x.~-"] {
            #expect(UploadID(validating: Array(good.utf8).span) != nil, "\(good)")
        }
        for bad in ["", ".", "..", "a/b", "a%2fb", "a?b", "a;b", "a b", "\u{7f}", "é"] {
            #expect(UploadID(validating: Array(bad.utf8).span) == nil, "\(bad)")
        }
    }
}
