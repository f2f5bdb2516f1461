public import Bytes
import COpenSSL

extension TLSClientContext {
    /// Equal for two contexts that trust the same certificates of a file. Those of the system count
    /// as the same at all times. Empty if it cannot be computed.
    public var digest: ByteString {
        var bytes = [UInt8](repeating: 0, count: 32)
        // SAFETY: the call writes the 32 bytes of the array.
        return unsafe tls_authorities_digest(raw, &bytes) ? ByteString(bytes) : ""
    }
}
