public import Bytes

/// How many bytes of each upload the registry holds, as far as its answers have told: the answer
/// that completes an upload does not say how large the blob is. Bounded, and pure.
public struct UploadLedger: Sendable {
    public struct Upload: Sendable, Hashable {
        public let repository: ByteString
        public let id: ByteString

        public init(repository: ByteString, id: ByteString) {
            self.repository = repository
            self.id = id
        }
    }

    /// Uploads that are kept for sure: twice as many at most, the oldest go first.
    static let limit = 8192

    private var recent: [Upload: Int] = [:]
    private var older: [Upload: Int] = [:]

    public init() {}

    /// The registry has told how far the upload is.
    public mutating func note(_ byteCount: Int, of upload: Upload) {
        older[upload] = nil
        recent[upload] = byteCount
        guard recent.count >= Self.limit else { return }
        older = recent
        recent = [:]
    }

    /// Takes out what is known: more bytes are on their way, and how many arrive is not certain
    /// before the registry answers.
    public mutating func take(_ upload: Upload) -> Int? {
        recent.removeValue(forKey: upload) ?? older.removeValue(forKey: upload)
    }
}
