public import Bytes

/// What a manifest is asked for by.
public enum Reference: Sendable, Hashable {
    case tag(Tag)
    case digest(Digest)

    public var bytes: ByteString {
        switch self {
        case .tag(let tag): tag.bytes
        case .digest(let digest): digest.bytes
        }
    }
}
