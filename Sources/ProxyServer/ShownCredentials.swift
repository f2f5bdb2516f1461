import Bytes

extension Span<UInt8> {
    /// Whether the text holds a scheme of logins with what follows it (RFC 9110 section 11.4).
    ///
    /// A client that loses a line end sends its `Authorization` field as the end of another one,
    /// and what the log shows of that would be a password.
    var holdsCredentials: Bool {
        for index in indices where self[index] == UInt8(ascii: " ") {
            let before = extracting(..<index)
            guard before.endsInScheme else { continue }
            let credentials = extracting((index + 1)...)
            var count = 0
            while count < credentials.count, credentials[count].isToken68 { count += 1 }
            if count >= 8 { return true }
        }
        return false
    }

    private var endsInScheme: Bool { ends(in: "basic") || ends(in: "bearer") }

    private func ends(in word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        return count >= length && extracting((count - length)...).equalsIgnoringCase(word)
    }
}

extension UInt8 {
    fileprivate var isToken68: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~+/=".utf8.contains(self)
        }
    }
}
