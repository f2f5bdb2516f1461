import Glibc

/// A system call that failed for a reason outside this program.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call's name, as in section 2 of the manual.
    public let call: StaticString
    /// Its errno.
    public let code: Int32

    public init(call: StaticString, code: Int32) {
        // These say that we used a descriptor or an address that is not ours. Going on would mix up
        // two connections.
        precondition(code != EBADF && code != EFAULT && code != ENOTSOCK, "\(call): errno \(code)")
        self.call = call
        self.code = code
    }

    public var description: String { "\(call): \(Self.message(for: code))" }

    public static func == (left: SystemError, right: SystemError) -> Bool {
        left.code == right.code && left.call.description == right.call.description
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
}

/// Why a stream of bytes cannot be used any longer.
public enum StreamError: Error, Sendable, Equatable {
    /// A deadline of this time-out passed.
    case timedOut(TimeoutName)
    /// The peer reset the connection, or the network did.
    case system(SystemError)
    /// The peer broke the TLS protocol or its handshake was refused: OpenSSL's reason.
    case tls(String)
    /// What came first was no TLS record.
    case notTLS
    /// The peer ended the stream where more had to come.
    case ended
    /// The stream was cut because the server stops.
    case cancelled
}
