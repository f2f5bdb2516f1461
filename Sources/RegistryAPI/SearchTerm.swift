public import Bytes

/// What `docker search` asks for (`protocol.md` 4.8).
public struct SearchTerm: Sendable, Hashable {
    /// As sent, at most 255 bytes; any bytes.
    public let text: ByteString
    /// 1 to 100.
    public let count: Int
    /// Names have no capitals, so those of the term count as small letters.
    private let folded: ByteString

    /// How many results there are where the client named no number, and at most.
    public static let usualCount = 25
    public static let largestCount = 100
    public static let longestText = 255

    /// - Parameter count: cut at 100.
    /// - Precondition: `count` is positive, `text` has at most 255 bytes.
    public init(text: ByteString, count: Int = usualCount) {
        precondition(count > 0 && text.count <= Self.longestText)
        self.text = text
        self.count = min(count, Self.largestCount)
        folded = ByteString(text.bytes.map(\.asciiLowercased))
    }

    /// Whether a repository of this name is a result: the term stands somewhere in it.
    public func matches(_ name: borrowing Span<UInt8>) -> Bool { name.contains(folded.span) }

    /// The answer with these repositories. A registry has nothing more to say about them.
    public func json(_ names: [ByteString]) -> ByteString {
        var json: [UInt8] = []
        json.append(json: "{\"query\":")
        json.append(jsonString: text.span)
        json += Array(",\"num_results\":\(names.count),\"results\":[".utf8)
        for (index, name) in names.enumerated() {
            json.append(json: index > 0 ? ",{\"name\":" : "{\"name\":")
            json.append(jsonString: name.span)
            json.append(json: ",\"description\":\"\",\"star_count\":0")
            json.append(json: ",\"is_official\":false,\"is_automated\":false}")
        }
        json.append(json: "]}")
        return ByteString(json)
    }
}
