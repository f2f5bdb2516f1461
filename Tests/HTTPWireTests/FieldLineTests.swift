import Bytes
import HTTPWire
import Testing

@Suite struct FieldLineTests {
    static let lines: [Case] = [
        Case("a value may be empty: 9110 5.5", "X-A:"),
        Case("a value may hold blanks, tabs and colons", "X-A: a \t b: c"),
        Case("a value may hold bytes over 0x7F: 9110 5.5", "X-A: caf\u{E9}"),
        Case("a line may be repeated: 9110 5.3", "X-A: 1\r\nX-A: 2"),
        Case("a name may hold any token byte: 9110 5.1", "!#$%&'*+-.^`|~09AZaz: 1"),
        Case("obs-fold with a blank: 9112 5.2", "X-A: 1\r\n 2", .foldedLine),
        Case("obs-fold with a tab", "X-A: 1\r\n\t2", .foldedLine),
        Case("obs-fold with nothing in it", "X-A: 1\r\n \r\nX-B: 2", .foldedLine),
        Case("obs-fold that hides a field", "X-A: 1\r\n Content-Length: 5", .foldedLine),
        Case("a blank before the colon: 9112 5.1", "X-A : 1", .fieldNameBlank),
        Case("a tab before the colon", "X-A\t: 1", .fieldNameBlank),
        Case("a blank before the colon of a length", "Content-Length : 5", .fieldNameBlank),
        Case("a blank in a name", "X A: 1", .fieldNameBlank),
        Case("an empty name: CVE-2023-25725", ": 1", .fieldNameEmpty),
        Case("only a colon", ":", .fieldNameEmpty),
        Case("a name with underscore", "X_A: 1", .fieldNameUnderscore),
        Case("a length with underscore", "Content_Length: 5", .fieldNameUnderscore),
        Case("a line without colon", "X-A", .fieldWithoutColon),
        Case("a line without colon before others", "X-A\r\nX-B: 1", .fieldWithoutColon),
        Case("a name with NUL", "X\0A: 1", .fieldNameMalformed),
        Case("a name with a slash", "X/A: 1", .fieldNameMalformed),
        Case("a name in quotes", "\"X-A\": 1", .fieldNameMalformed),
        Case("a name that is not ASCII", "X-\u{C4}: 1", .fieldNameMalformed),
        Case("a Kelvin sign is no K", "\u{212A}eep-Alive: 1", .fieldNameMalformed),
        Case("NUL in a value: CVE-2019-9900", "X-A: 1\02", .fieldValueNUL),
        Case("NUL at the end of a value", "X-A: 1\0", .fieldValueNUL),
        Case("DEL in a value", "X-A: 1\u{7F}", .fieldValueControl),
        Case("ESC in a value", "X-A: \u{1B}[31m", .fieldValueControl),
        Case("a vertical tab around a value", "X-A:\u{0B}chunked", .fieldValueControl),
        Case("CR in a value: 9112 2.2", "X-A: 1\rX-B: 2", .bareCarriageReturn),
        Case("CR before a value", "X-A:\r1", .bareCarriageReturn),
        Case("CR CR LF behind a value", "X-A: 1\r", .bareCarriageReturn),
        Case("LF in a value", "X-A: 1\nX-B: 2", .bareLineFeed),
        Case("LF for an empty value", "X-A:\nX-B: 2", .bareLineFeed),
        Case("LF in a name", "X-A\n: 1", .bareLineFeed),
        Case("LF before a name", "\nX-A: 1", .bareLineFeed),
        Case("CR before a name", "\rX-A: 1", .bareCarriageReturn),
    ]

    @Test("a field line has one reading", arguments: lines)
    func line(_ case: Case) {
        let line = String(decoding: `case`.bytes, as: UTF8.self)
        #expect(readRequest(Array(request(line).utf8)).error == `case`.error)
        #expect(readAnswer(Array(answer(line).utf8)).error == `case`.error)
    }

    @Test("the first field line may not begin with a blank either: 9112 2.2")
    func blankBeforeFirstField() {
        for blank in [" ", "\t"] {
            let bytes = Array("GET / HTTP/1.1\r\n\(blank)Host: a\r\n\r\n".utf8)
            #expect(readRequest(bytes) == .refused(.foldedLine))
        }
    }

    @Test("the empty line at the end is CRLF and nothing else")
    func endOfSection() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(readRequest(Array((head + "\n").utf8)) == .refused(.bareLineFeed))
        #expect(readRequest(Array((head + "\r\r\n").utf8)) == .refused(.bareCarriageReturn))
        #expect(readRequest(Array((head + "\rX\r\n").utf8)) == .refused(.bareCarriageReturn))
        #expect(readRequest(Array((head + " \r\n").utf8)) == .refused(.foldedLine))
    }

    @Test("blanks around a value are not part of it: 9110 5.5")
    func outerBlanks() throws {
        for (line, value) in [
            ("X-A:1", "1"), ("X-A: 1", "1"), ("X-A:\t 1 \t", "1"), ("X-A: 1  2 ", "1  2"),
            ("X-A:", ""), ("X-A: ", ""), ("X-A:\t \t", ""),
        ] {
            let (head, bytes) = try head(request(line))
            let place = try #require(head.fields.lines.last).value
            #expect(text(place, in: bytes) == value)
        }
    }

    @Test("a name holds token bytes but no underscore")
    func everyByteInName() {
        let allowed = Set(
            "!#$%&'*+-.^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8
        )
        for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: ":") {
            let bytes =
                Array("GET / HTTP/1.1\r\nHost: a\r\nX".utf8) + [byte] + Array("A: 1\r\n\r\n".utf8)
            #expect((readRequest(bytes).error == nil) == allowed.contains(byte), "byte \(byte)")
        }
    }

    @Test("a value holds HTAB, 0x20 to 0x7E and 0x80 to 0xFF")
    func everyByteInValue() {
        for byte in UInt8.min...UInt8.max {
            let line = Array("GET / HTTP/1.1\r\nHost: a\r\nX-A: b".utf8)
            let bytes = line + [byte] + Array("c\r\n\r\n".utf8)
            let isAllowed = byte == 9 || (byte >= 0x20 && byte != 0x7F)
            #expect((readRequest(bytes).error == nil) == isAllowed, "byte \(byte)")
        }
    }

    /// Values are looked at in runs of sixteen.
    @Test("a wrong byte is found wherever in a long value it stands")
    func everyPlaceInLongValue() {
        let wrong: [(UInt8, WireError)] = [
            (0x00, .fieldValueNUL), (0x08, .fieldValueControl), (0x0A, .bareLineFeed),
            (0x0D, .bareCarriageReturn), (0x1F, .fieldValueControl), (0x7F, .fieldValueControl),
        ]
        for count in 1...50 {
            for place in 0..<count {
                for (byte, error) in wrong {
                    var value = Array(repeating: UInt8(ascii: "a"), count: count)
                    value[place] = byte
                    let start = Array("GET / HTTP/1.1\r\nHost: a\r\nX-A: ".utf8)
                    let bytes = start + value + Array("\r\n\r\n".utf8)
                    #expect(
                        readRequest(bytes) == .refused(error), "\(byte) at \(place) of \(count)")
                }
            }
        }
    }
}

@Suite struct FieldNameTests {
    @Test("every known name is found in every case", arguments: FieldName.allCases)
    func known(name: FieldName) {
        let spelling = "\(name.canonical)"
        for variant in [spelling, spelling.lowercased(), spelling.uppercased()]
        where !variant.isEmpty {
            #expect(fieldName(Array(variant.utf8)) == name)
        }
    }

    @Test("a name that differs in one byte is another one", arguments: FieldName.allCases)
    func near(name: FieldName) {
        let spelling = Array("\(name.canonical)".utf8)
        for index in spelling.indices {
            for byte in UInt8.min...UInt8.max
            where byte.asciiLowercased != spelling[index].asciiLowercased {
                var changed = spelling
                changed[index] = byte
                #expect(fieldName(changed) != name)
            }
            #expect(fieldName(Array(spelling[..<index])) != name)
        }
        #expect(name == .other || fieldName(spelling + [0x73]) != name)
    }

    @Test("names of the registry are known by their beginning")
    func prefixes() {
        for (spelling, name) in [
            ("Docker-Content-Digest", FieldName.docker), ("docker-upload-uuid", .docker),
            ("Docker-", .other), ("DockerX", .other), ("OCI-Subject", .oci),
            ("oci-filters-applied", .oci), ("OCI-", .other), ("OCIX-A", .other), ("", .other),
        ] {
            #expect(fieldName(Array(spelling.utf8)) == name, "\(spelling)")
        }
    }

    @Test("a section counts its names in one word")
    func fitsInAWord() { #expect(FieldName.allCases.count <= 64) }

    @Test("a section answers by name")
    func section() throws {
        let (head, bytes) = try head(request("Accept: a\r\nX-A: 1\r\naccept: b\r\nX-B: 2"))
        #expect(head.fields.lines.count == 5)
        #expect(text(try #require(head.fields.first(.accept)), in: bytes) == "a")
        #expect(head.fields.count(of: .accept) == 2)
        #expect(head.fields.count(of: .other) == 2)
        #expect(head.fields.first(.cookie) == nil)
        #expect(head.fields.count(of: .cookie) == 0)
        #expect(head.fields.contains(.host) && !head.fields.contains(.te))
    }
}
