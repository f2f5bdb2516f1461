import Authentication
import Bytes
import Secrets
import Testing

/// Hashes of `correct horse`, cheap ones.
enum Known {
    static let bcrypt = "$2y$04$/2i63v4panZzjnVIyY0bnuuBzfxTKktz/1fZ3qyJEjvDvFltnj0Wa"
    static let sha256 = "$5$rounds=1000$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8"
    static let yescrypt = "$y$j75$abcdefghijklmnop$1kKL1r02wT4HlcktLfzeoOHd1GFgv7Ay4JeEbqGj80B"
    static let password: ByteString = "correct horse"
}

@Suite struct PasswordFileTests {
    private func parse(_ text: String) throws(PasswordFileErrors) -> PasswordFile {
        try PasswordFile(parsing: ByteString(text).span, named: "users")
    }

    private func messages(_ text: String) -> [String] {
        do {
            _ = try parse(text)
            return []
        } catch { return error.all.map(\.description) }
    }

    @Test("users of every format are read; comments and blank lines are not")
    func reads() throws {
        let file = try parse(
            "# people\n\nalice:\(Known.bcrypt)\n  \nbob:\(Known.sha256)\n#x:y\njürgen:\(Known.yescrypt)"
        )
        #expect(file.users == ["alice", "bob", "jürgen"])
        for user in file.users {
            #expect(file.verify(user, Known.password.span) == .right)
            #expect(file.verify(user, ByteString("other").span) == .wrong)
        }
        #expect(file.verify("carol", Known.password.span) == .unknownUser)
        #expect(file.verify("Alice", Known.password.span) == .unknownUser)
    }

    @Test(
        "each fault is named with its line and what is allowed",
        arguments: [
            ("", "users: the file has no users (at least one line USER:HASH)"),
            ("# only\n", "users: the file has no users (at least one line USER:HASH)"),
            ("alice", "users:1: the line has no colon (USER:HASH)"),
            ("\nalice:\(Known.bcrypt):1", "users:2: the line has a second colon (USER:HASH)"),
            (":\(Known.bcrypt)", "users:1: the user name is empty or too long (1 to 128 bytes)"),
            ("al\u{1}:\(Known.bcrypt)", "users:1: the user name contains a control byte (none)"),
            ("alice:\(Known.bcrypt)\r\n", "users:1: the line ends in CR LF (LF alone)"),
            ("alice:a\0b", "users:1: the line contains a NUL byte (text)"),
            (
                "alice:\(Known.bcrypt) ",
                "users:1: user or hash begins or ends with a blank (USER:HASH without outer blanks)"
            ),
            (
                " alice:\(Known.bcrypt)",
                "users:1: user or hash begins or ends with a blank (USER:HASH without outer blanks)"
            ),
            (
                "\u{FEFF}alice:\(Known.bcrypt)",
                "users:1: the file begins with a byte order mark (plain UTF-8 without one)"
            ),
            (
                "anonymous:\(Known.bcrypt)",
                "users:1: the user name is reserved (any but anyone, anonymous, authenticated)"
            ),
            (
                "a:\(Known.bcrypt)\nb:\(Known.sha256)\na:\(Known.sha256)",
                "users:3: the user is already on line 1 (each user once)"
            ),
            (
                "a:$apr1$x$y",
                "users:1: Apache MD5 ($apr1$) is not accepted (bcrypt $2a$ $2b$ $2y$, $5$, $6$, $y$)"
            ),
            (
                "a:$2y$17$/2i63v4panZzjnVIyY0bnuuBzfxTKktz/1fZ3qyJEjvDvFltnj0Wa",
                "users:1: the cost of the bcrypt hash is out of range (04 to 16)"
            ),
            ("a:" + Known.bcrypt.dropLast(), "users:1: a bcrypt hash of 59 characters (60)"),
        ]
    )
    func faults(text: String, message: String) {
        #expect(messages(text) == [message])
    }

    @Test("all faults are reported at once, and one is enough to refuse the file")
    func allAtOnce() {
        let found = messages("alice:\(Known.bcrypt)\nbob\ncarol:plain\n\ndave:*0\n")
        #expect(found.count == 3)
        #expect(found.map { $0.prefix(8) } == ["users:2:", "users:3:", "users:5:"])
        #expect(!found.joined().contains("plain text"))
    }

    @Test("a file of nothing but faults ends in a count instead of filling the memory")
    func manyFaults() {
        let found = messages(String(repeating: "x\n", count: 5000))
        #expect(found.count == 101)
        #expect(found.last == "users: 4900 more lines are wrong")
    }

    /// A half-written file must never pass for a shorter one that is whole.
    @Test("a file cut anywhere within its last line is refused")
    func cut() throws {
        let whole = Array("alice:\(Known.bcrypt)\nbob:\(Known.bcrypt)".utf8)
        let firstLine = whole.firstIndex(of: 0x0A)! + 1
        for end in 0..<whole.count where end != firstLine && end != firstLine - 1 {
            #expect(throws: PasswordFileErrors.self) {
                try PasswordFile(parsing: Array(whole[..<end]).span, named: "users")
            }
        }
    }

    @Test("weak and mixed costs are warnings")
    func warnings() throws {
        #expect(
            try parse("a:\(Known.bcrypt)\nb:\(Known.sha256)").warnings.map(\.description) == [
                "users:1: the bcrypt cost 4 is weak (10 or more)",
                "users: the hashes differ in cost, which lets their users be told from unknown ones",
            ]
        )
        #expect(try parse("a:\(Known.sha256)").warnings.isEmpty)
    }

    @Test("a missing file is one error that names the file")
    func missing() {
        do {
            _ = try PasswordFile.load(path: "/nonexistent/users")
            Issue.record("a missing file was read")
        } catch {
            #expect(error.description == "/nonexistent/users: open: No such file or directory")
        }
    }

    /// HP13: the bound is 2 s in a release build; here it only must not be quadratic.
    @Test("many users are read", .timeLimit(.minutes(30)))
    func large() throws {
        var text: [UInt8] = []
        for number in 0..<20_000 { text += Array("user\(number):\(Known.bcrypt)\n".utf8) }
        #expect(try PasswordFile(parsing: text.span, named: "users").users.count == 20_000)
    }
}

@Suite struct PasswordFileListingTests {
    private func listing(_ text: String) -> PasswordFileListing {
        PasswordFileListing(parsing: ByteString(text).span, named: "users")
    }

    @Test("the users of lines that can be taken are listed, and the faults of the others")
    func faults() {
        let found = listing(
            "zoe:\(Known.bcrypt)\nbob:plain\n#eve:x\ncarol\nalice:\(Known.sha256)\nzoe:*\n")
        #expect(found.users == ["zoe", "alice"])
        #expect(
            found.errors.map { $0.description.prefix(8) } == ["users:2:", "users:4:", "users:6:"])
        let whole = listing("bob:\(Known.bcrypt)\nalice:\(Known.bcrypt)\n")
        #expect(whole.users == ["bob", "alice"])
        #expect(whole.errors.isEmpty)
    }

    @Test("a user behind a byte order mark is not listed, nor is anybody of an empty file")
    func nobody() {
        let marked = listing("\u{FEFF}alice:\(Known.bcrypt)\nbob:\(Known.bcrypt)\n")
        #expect(marked.users == ["bob"])
        #expect(marked.errors.map(\.line) == [1])
        let empty = listing("")
        #expect(empty.users.isEmpty)
        #expect(
            empty.errors.map(\.description) == [
                "users: the file has no users (at least one line USER:HASH)"
            ])
    }
}

@Suite struct PasswordFileTextTests {
    private func hash(_ text: String = Known.bcrypt) throws -> PasswordHash {
        try PasswordHash(parsing: ByteString(text).span)
    }

    private func text(_ contents: String) -> PasswordFileText {
        PasswordFileText(ByteString(contents).span)
    }

    /// Whether the user was new.
    private func set(
        _ file: inout PasswordFileText,
        _ name: String = "alice"
    ) throws -> Bool {
        try file.set(ByteString(name), hash())
    }

    private func string(_ text: PasswordFileText) -> String {
        ByteString(text.contents).description
    }

    @Test(
        "the text is kept byte for byte", arguments: ["", "\n", "a:b", "a:b\n\n#c\r\n\0x", "x\ny"])
    func kept(contents: String) { #expect(string(text(contents)) == contents) }

    @Test("a user's line is replaced where it stands; others stay as they are")
    func replaces() throws {
        var file = text("# team\nalice:old\n\nbob:x \n")
        let isNew = try set(&file)
        #expect(!isNew)
        #expect(string(file) == "# team\nalice:\(Known.bcrypt)\n\nbob:x \n")
    }

    @Test("a new user comes last, on a line of its own", arguments: ["", "bob:x\n", "bob:x"])
    func adds(contents: String) throws {
        var file = text(contents)
        let isNew = try set(&file)
        #expect(isNew)
        let before = contents.isEmpty ? "" : "bob:x\n"
        #expect(string(file) == before + "alice:\(Known.bcrypt)\n")
    }

    @Test("setting or removing a user who stands there twice leaves no second line")
    func twice() throws {
        var file = text("alice:1\nbob:x\nalice:2")
        let isNew = try set(&file)
        #expect(!isNew)
        #expect(string(file) == "alice:\(Known.bcrypt)\nbob:x\n")
        file = text("alice:1\nbob:x\nalice:2")
        let removals = [file.remove("alice"), file.remove("alice")]
        #expect(removals == [true, false])
        #expect(string(file) == "bob:x\n")
    }

    @Test("a comment is no user")
    func comment() throws {
        var file = text("#alice:x\n")
        let isRemoved = file.remove("#alice")
        #expect(!isRemoved)
        let isNew = try set(&file)
        #expect(isNew)
    }

    @Test(
        "names that would break the file are refused",
        arguments: ["", "a:b", "a\nb", "#a", " a", "a\t", "anyone", "a\0"]
    )
    func names(name: String) {
        var file = text("")
        #expect(throws: PasswordFileError.self) { _ = try set(&file, name) }
        #expect(string(file) == "")
    }

    @Test("an edited file can be read")
    func readable() throws {
        var file = text("# none yet")
        let made = try #require(try PasswordHash.bcrypt(Known.password.span, cost: 4))
        _ = try file.set("alice", made)
        let read = try PasswordFile(parsing: file.contents.span, named: "users")
        #expect(read.verify("alice", Known.password.span) == .right)
    }
}
