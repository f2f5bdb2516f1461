import Bytes
import Testing

@Suite struct ASCIITests {
    /// Against Swift's own character properties, for every byte there is.
    @Test func everyByteHasTheClassThatUnicodeGivesIt() {
        for byte in UInt8.min...UInt8.max {
            let isASCII = byte < 0x80
            let scalar = Unicode.Scalar(byte)
            let kind = scalar.properties.generalCategory
            #expect(byte.isASCIIDigit == (isASCII && kind == .decimalNumber))
            #expect(byte.isASCIIUppercase == (isASCII && kind == .uppercaseLetter))
            #expect(byte.isASCIILowercase == (isASCII && kind == .lowercaseLetter))
            #expect(byte.isASCIILetter == (isASCII && scalar.properties.isAlphabetic))
        }
    }

    @Test func loweringChangesTheLettersOfASCIIAndNothingElse() {
        for byte in UInt8.min...UInt8.max {
            let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            #expect(byte.asciiLowercased == (isUpper ? byte + 32 : byte))
            #expect(!byte.asciiLowercased.isASCIIUppercase)
        }
    }

    @Test func onlyHexadecimalDigitsHaveAHexValue() {
        for byte in UInt8.min...UInt8.max {
            let character = Character(Unicode.Scalar(byte))
            let value = byte < 0x80 ? character.hexDigitValue : nil
            #expect(byte.hexValue.map(Int.init) == value)
        }
    }
}

extension [UInt8] {
    /// Asks a span of these bytes: spans themselves cannot stand in an expectation.
    fileprivate func ask<Answer>(_ question: (Span<UInt8>) -> Answer) -> Answer { question(span) }
}

@Suite struct SpanQuestionTests {
    private func ask<Answer>(_ text: String, _ question: (Span<UInt8>) -> Answer) -> Answer {
        Array(text.utf8).ask(question)
    }

    private func areEqual(_ left: String, _ right: String) -> Bool {
        ask(left) { left in ask(right) { left.elementsEqual($0) } }
    }

    @Test func equalityIsByteForByte() {
        for (text, isEqual) in [
            ("Manifest", true), ("manifest", false), ("Manifes", false), ("Manifests", false),
            ("", false),
        ] {
            #expect(ask(text) { $0.elementsEqual("Manifest") } == isEqual)
            #expect(areEqual(text, "Manifest") == isEqual)
        }
        #expect(ask("") { $0.elementsEqual("") })
        #expect(areEqual("", ""))
    }

    /// `[` and `{`, `@` and a backquote differ in the same bit as the cases of a letter.
    @Test func caseIsIgnoredForLettersOnly() {
        for byte in UInt8.min...UInt8.max {
            let isA = byte == UInt8(ascii: "a") || byte == UInt8(ascii: "A")
            #expect([byte].ask { $0.equalsIgnoringCase("a") } == isA)
            #expect([byte].ask { $0.equalsIgnoringCase("{") } == (byte == UInt8(ascii: "{")))
            #expect([byte].ask { $0.equalsIgnoringCase("`") } == (byte == UInt8(ascii: "`")))
        }
        // The same inside a group of eight.
        for byte in UInt8.min...UInt8.max {
            let word = [UInt8](repeating: byte, count: 8)
            let isZ = byte == UInt8(ascii: "z") || byte == UInt8(ascii: "Z")
            #expect(word.ask { $0.equalsIgnoringCase("zzzzzzzz") } == isZ)
            #expect(word.ask { $0.equalsIgnoringCase("[[[[[[[[") } == (byte == UInt8(ascii: "[")))
            #expect(word.ask { $0.equalsIgnoringCase("````````") } == (byte == UInt8(ascii: "`")))
        }
        #expect(ask("Content-TYPE") { $0.equalsIgnoringCase("content-type") })
        #expect(!ask("Content-TYP") { $0.equalsIgnoringCase("content-type") })
    }

    /// Words overlap at the end of what is compared: no byte may be left out, whatever the length.
    @Test(arguments: 0...24) func everyByteCounts(count: Int) {
        let text = [UInt8]("abcdefghijklmnopqrstuvwx".utf8.prefix(count))
        let upper = text.map { $0 - 0x20 }
        #expect(text.ask { $0.elementsEqual(text.span) })
        #expect(upper.ask { $0.equalsIgnoringCase(lowered: text.span) })
        for position in 0..<count {
            var other = text
            other[position] = UInt8(ascii: "_")
            #expect(!other.ask { $0.elementsEqual(text.span) }, "\(position)")
            #expect(!other.ask { $0.equalsIgnoringCase(lowered: text.span) }, "\(position)")
            other[position] = upper[position]
            #expect(!other.ask { $0.elementsEqual(text.span) }, "\(position)")
            #expect(other.ask { $0.equalsIgnoringCase(lowered: text.span) }, "\(position)")
        }
    }

    @Test func theOtherSpanMustBeLowerCaseAlready() {
        let lowered = Array("registry.example".utf8)
        for (text, isEqual) in [
            ("Registry.EXAMPLE", true), ("registry.example.", false), ("registry_example", false),
        ] {
            #expect(ask(text) { $0.equalsIgnoringCase(lowered: lowered.span) } == isEqual)
        }
    }

    @Test func aPrefixIsNoLongerThanTheWhole() {
        #expect(ask("http://x") { $0.starts(with: "http://") })
        #expect(!ask("HTTP://x") { $0.starts(with: "http://") })
        #expect(ask("HTTP://x") { $0.starts(withIgnoringCase: "http://") })
        #expect(!ask("http:/") { $0.starts(with: "http://") })
        #expect(!ask("http:/") { $0.starts(withIgnoringCase: "http://") })
        #expect(ask("") { $0.starts(with: "") })
    }

    @Test func firstAndLastIndexAreThoseOfAnArray() {
        let bytes = Array("a/b//c".utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(bytes.ask { $0.firstIndex(of: byte) } == bytes.firstIndex(of: byte))
            #expect(bytes.ask { $0.lastIndex(of: byte) } == bytes.lastIndex(of: byte))
        }
        #expect(ask("") { $0.lastIndex(of: 0) } == nil)
    }
}

@Suite struct DecimalValueTests {
    @Test(
        "digits and nothing else make a number",
        arguments: [
            ("0", 0), ("7", 7), ("007", 7), ("1234567890", 1_234_567_890),
            ("9223372036854775807", Int.max), ("0000000000000000000000000000001", 1),
        ]
    )
    func number(text: String, value: Int) {
        #expect(Array(text.utf8).ask { $0.decimalValue } == value)
    }

    @Test(
        "anything else is no number",
        arguments: [
            "", " ", "-1", "+1", " 1", "1 ", "1,2", "0x1", "1e3", "1.0", "1_000", "\u{661}",
            "9223372036854775808", "18446744073709551616", "99999999999999999999999999",
        ]
    )
    func noNumber(text: String) {
        #expect(Array(text.utf8).ask { $0.decimalValue } == nil)
    }

    @Test func oneByteIsANumberIfItIsADigit() {
        for byte in UInt8.min...UInt8.max {
            let expected = byte.isASCIIDigit ? Int(byte) - 0x30 : nil
            #expect([byte].ask { $0.decimalValue } == expected)
        }
    }
}
