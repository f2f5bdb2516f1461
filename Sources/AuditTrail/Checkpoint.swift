import Bytes
import Logbook
import Secrets

/// A signature over the chain so far: who recomputes the chain cannot make it.
struct Checkpoint: Equatable {
    let key: PublicKey
    let signature: [UInt8]
    /// How many records may follow before the next checkpoint.
    let interval: Int

    init(key: PublicKey, signature: [UInt8], interval: Int) {
        self.key = key
        self.signature = signature
        self.interval = interval
    }

    /// - Parameter chain: its end before the checkpoint's own line.
    init(signing chain: Chain, with key: SigningKey, interval: Int) {
        let message = Self.message(chain.sequence + 1, chain.previous.span, interval)
        self.init(
            key: key.publicKey,
            signature: key.signature(of: message.span),
            interval: interval
        )
    }

    /// Whether the signature is for the line with this number and this code of the line before.
    func isSigned(for sequence: Int, _ previous: borrowing Span<UInt8>) -> Bool {
        key.verifies(signature, over: Self.message(sequence, previous, interval).span)
    }

    private static func message(
        _ sequence: Int,
        _ previous: borrowing Span<UInt8>,
        _ interval: Int
    ) -> ByteString {
        let text = Buffer(capacity: 256)
        text.append("registry-proxy audit checkpoint v1\n")
        text.append(decimal: sequence)
        text.append("\n")
        text.append(decimal: interval)
        text.append("\n")
        text.append(previous)
        return ByteString(copying: text.bytes)
    }
}

extension RecordEncoder {
    /// The inside of a checkpoint's line.
    func encode(_ checkpoint: Checkpoint) -> ByteString {
        let record = encode(AuditRecord(.checkpoint))
        let line = Buffer(capacity: Self.lineByteCount)
        line.append(record.span.extracting(0..<record.count - 1))
        line.append(",\"key\":\"")
        line.append(checkpoint.key.bytes.base64)
        line.append("\",\"every\":")
        line.append(decimal: checkpoint.interval)
        line.append(",\"signature\":\"")
        line.append(checkpoint.signature.base64)
        line.append("\"}")
        return ByteString(copying: line.bytes)
    }
}
