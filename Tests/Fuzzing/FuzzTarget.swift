/// One parser, and what must hold of it whatever it is given: more than that it does not crash.
///
/// `scripts/fuzz` lets libFuzzer look for bytes that break it; `FuzzingTests` replays the bytes in
/// `Seeds/NAME`. A finding becomes a file there, after the mistake is corrected.
public struct FuzzTarget: Sendable {
    /// As in `Seeds/NAME`.
    public let name: String
    /// Throws a `Finding` if something does not hold. Keeps nothing between two calls.
    public let check: @Sendable ([UInt8]) throws(Finding) -> Void

    init(_ name: String, _ check: @escaping @Sendable ([UInt8]) throws(Finding) -> Void) {
        self.name = name
        self.check = check
    }

    public static let all = [
        requestHead, responseHead, connection, chunked, authority, target, query, location, link,
        nameList, errorBody, accessLine, basic, base64, passwordFile, configuration, scalar,
        pattern, proxyHeader, redirect, search, challenge, ruleTest, tagPattern, auditLine, sealed,
        tokenForm, robotOrder, bearerToken,
    ]
}

/// Something that a parser said and that cannot be.
public struct Finding: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

func expect(_ isTrue: Bool, _ claim: @autoclosure () -> String) throws(Finding) {
    if !isTrue { throw Finding(claim()) }
}

/// Bytes for a message: what is no visible ASCII is escaped.
func shown(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { (0x20...0x7E).contains($0) ? String(UnicodeScalar($0)) : "\\\($0)" }.joined()
}
