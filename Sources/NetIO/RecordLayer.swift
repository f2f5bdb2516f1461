public import Bytes

/// How far a handshake has come.
public enum HandshakeStep: Sendable, Equatable {
    case complete
    /// The peer has to send more.
    case needsInput
    /// What is in the buffer has to be sent before anything else.
    case needsRoom
}

/// What stands between plaintext and the socket. NetTLS has the one real implementation; tests have
/// others. Never waits: it reads from its channel what is there, and writes only into buffers.
public protocol RecordLayer: AnyObject {
    /// Goes on with the handshake. What must be sent is appended to `out`.
    func handshake(sendingTo out: Buffer) throws(StreamError) -> HandshakeStep

    /// Appends decrypted bytes to `buffer`: as many records as are there, up to `limit` bytes.
    /// - Parameter out: room for what the protocol itself has to answer; without it the attempt may
    ///   end in `mustWrite`.
    func receive(
        into buffer: Buffer,
        atMost limit: Int,
        sendingTo out: Buffer?
    ) throws(StreamError) -> ReceiveAttempt

    /// Consumes from `plain` and appends records to `out`, while `out` has room for a whole one.
    func seal(_ plain: Buffer, into out: Buffer) throws(StreamError)

    /// Appends the message that says that nothing more will come.
    func sealEnd(into out: Buffer)

    /// Whether decrypted or undecrypted bytes wait inside: no event will announce those.
    var hasBufferedInput: Bool { get }

    /// Reads larger pieces from the socket from now on.
    func expectBulk()
}
