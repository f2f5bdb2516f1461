import Bytes
import Tokens

extension Span<UInt8> {
    /// Whether the text holds a token of ours, or a scheme of logins with what follows it (RFC 9110
    /// section 11.4).
    ///
    /// A client that loses a line end sends its `Authorization` field as the end of another one,
    /// and some swap the name and the token: what the log shows of that would be a secret.
    var holdsCredentials: Bool { holdsToken || holdsScheme }

    /// Whether the text holds a robot token or a signed one.
    var holdsToken: Bool {
        for index in indices {
            switch self[index] {
            // Also without its end, which anybody can compute.
            case UInt8(ascii: "r"):
                if beginsToken(RobotSecret.prefix, atLeast: 44, at: index) { return true }
            // A JWT, which begins with the Base64 of `{"`; shorter ones are words like it.
            case UInt8(ascii: "e"):
                if beginsToken("eyJ", atLeast: 40, at: index) { return true }
            default: continue
            }
        }
        return false
    }

    private func beginsToken(_ prefix: StaticString, atLeast length: Int, at index: Int) -> Bool {
        let rest = extracting(index...)
        return rest.starts(with: prefix) && rest.token68Count >= length
    }

    /// How many bytes at the beginning may stand in a token68 (RFC 9110 section 11.2).
    private var token68Count: Int {
        var count = 0
        while count < self.count, self[count].isToken68 { count += 1 }
        return count
    }

    private var holdsScheme: Bool {
        for index in indices where self[index] == UInt8(ascii: " ") {
            let before = extracting(..<index)
            guard before.endsInScheme else { continue }
            if extracting((index + 1)...).token68Count >= 8 { return true }
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
