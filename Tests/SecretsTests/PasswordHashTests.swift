import Bytes
import Secrets
import Testing

@Suite struct PasswordHashTests {
    /// Made with htpasswd 2.4, openssl passwd 3.0 and Perl's crypt: not by the code under test.
    static let known: [(hash: ByteString, password: ByteString)] = [
        ("$2y$04$/2i63v4panZzjnVIyY0bnuuBzfxTKktz/1fZ3qyJEjvDvFltnj0Wa", "correct horse"),
        ("$2y$05$8FacU3/1wMwIpKnKIrx0C.Y/ZZo9lYeFdm6QSWdOzGCbcQNcvBBtC", "pässwörd"),
        ("$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "correct horse"),
        ("$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "correct horse"),
        ("$y$j75$abcdefghijklmnop$1kKL1r02wT4HlcktLfzeoOHd1GFgv7Ay4JeEbqGj80B", "correct horse"),
        ("$5$rounds=1000$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8", "correct horse"),
        ("$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/", "correct horse"),
        (
            "$6$rounds=1000$saltsalt$4GMtaIz3E1AdDi2SmCokEW0ehi.HdxNDcL3fGE1XXuzvo6kbx7UOloZKONqEk5H3JrQA4NOfU8BmqFPrpGqwA1",
            "correct horse"
        ),
        (
            "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0",
            "correct horse"
        ),
    ]

    @Test("hashes of other programs are read, match their password and no other", arguments: known)
    func matchesKnown(hash: ByteString, password: ByteString) throws {
        let parsed = try PasswordHash(parsing: hash.span)
        #expect(parsed.matches(password.bytes))
        #expect(parsed.stored == hash)
        var other = password.bytes
        other[other.count - 1] ^= 1
        #expect(!parsed.matches(other))
        #expect(!parsed.matches((password.bytes + [0x20])))
        #expect(!parsed.matches([]))
    }

    @Test("a password that C would cut at NUL does not match", arguments: known)
    func nul(hash: ByteString, password: ByteString) throws {
        let parsed = try PasswordHash(parsing: hash.span)
        #expect(!parsed.matches((password.bytes + [0])))
        #expect(!parsed.matches((password.bytes + [0, 0x61])))
    }

    /// nginx and HAProxy accept any tail behind 72 bytes.
    @Test("bcrypt takes 72 bytes and refuses the 73rd")
    func longBcrypt() throws {
        let hash: ByteString = "$2y$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"
        let parsed = try PasswordHash(parsing: hash.span)
        #expect(parsed.matches([UInt8](repeating: 0x78, count: 72)))
        #expect(!parsed.matches([UInt8](repeating: 0x78, count: 73)))
        #expect(!parsed.matches([UInt8](repeating: 0x78, count: 1000)))
    }

    @Test("an empty password does not match, also where its hash is stored")
    func emptyPassword() throws {
        let hash: ByteString = "$2y$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq"
        #expect(!(try PasswordHash(parsing: hash.span).matches([])))
    }

    static let bcrypt = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"

    @Test(
        "what libcrypt could not have written, or would take too long over, is refused",
        arguments: [
            "", "secret", "$apr1$abc$def", "{SHA}abc=", "$1$abc$def", "*0", "!", "ab01FAX.bQRSU",
            "$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
            "$2$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
            "$2y$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
            "$2y$17$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
            "$2y$+4$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
            "$2y$04/abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
            String(bcrypt.dropLast()), bcrypt + "a", String(bcrypt.dropLast()) + "!",
            bcrypt.replacing("uujydO", with: "uvjydO"),
            "$5$rounds=999$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
            "$5$rounds=1000001$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
            "$5$rounds=01000$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
            "$5$rounds=$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
            "$5$saltsaltsaltsalts$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
            "$5$$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
            "$5$salt", "$5$salt$", "$5$", "$6$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
            "$y$jFT$abcdefghijklmnop$1kKL1r02wT4HlcktLfzeoOHd1GFgv7Ay4JeEbqGj80B",
            "$y$j7$abcdefghijklmnop$1kKL1r02wT4HlcktLfzeoOHd1GFgv7Ay4JeEbqGj80B",
            "$y$j75$$1kKL1r02wT4HlcktLfzeoOHd1GFgv7Ay4JeEbqGj80B", "$y$j75$abcd$1kKL", "$y$",
        ]
    )
    func refused(text: String) {
        #expect(throws: PasswordHashError.self) {
            _ = try PasswordHash(parsing: ByteString(text).span)
        }
    }

    /// An error reaches the operator's screen and log; the text may be a password in the clear.
    @Test("an error does not repeat the text")
    func errorsHideTheText() {
        do {
            _ = try PasswordHash(parsing: ByteString("hunter2").span)
            Issue.record("a plain password was taken for a hash")
        } catch {
            #expect(!error.description.contains("hunter2"))
        }
    }

    @Test("a new hash is bcrypt of the cost asked for, salted, and matches")
    func makes() throws {
        let password: ByteString = "grüße"
        let one = try #require(try PasswordHash.bcrypt(password.span, cost: 4))
        let two = try #require(try PasswordHash.bcrypt(password.span, cost: 4))
        #expect(one != two)
        #expect(one.matches(password.bytes))
        #expect(one.format == .bcrypt(cost: 4))
        #expect(one.stored.description.hasPrefix("$2y$04$"))
        let usual = try #require(try PasswordHash.bcrypt(password.span))
        #expect(usual.format == .bcrypt(cost: 10))
    }

    @Test("no hash is made of a password that bcrypt would cut", arguments: [0, 73, 200])
    func makesNoneOfLong(length: Int) throws {
        let password = [UInt8](repeating: 0x61, count: length)
        #expect(try PasswordHash.bcrypt(password.span, cost: 4) == nil)
        #expect(try PasswordHash.bcrypt([0x61, 0, 0x62].span, cost: 4) == nil)
    }

    @Test("many threads compute at once and do not disturb each other")
    func parallel() async throws {
        let hash = try PasswordHash(parsing: ByteString(Self.bcrypt).span)
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                let password = ByteString(number % 2 == 0 ? "correct horse" : "wrong \(number)")
                group.addTask { hash.matches(password.bytes) == (number % 2 == 0) }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}

/// `#expect` takes no spans apart.
extension PasswordHash {
    fileprivate func matches(_ password: [UInt8]) -> Bool { matches(password.span) }
}
