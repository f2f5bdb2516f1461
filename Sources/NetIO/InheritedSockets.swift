import Glibc

/// Listening sockets that whoever started the process has opened for it (sd_listen_fds(3)): the way
/// to a low port without the right to bind one, and to a start that refuses nobody.
public enum InheritedSockets {
    /// What is wrong with them.
    public struct Problem: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The first of them; the others follow.
    static let first: Int32 = 3
    static let most: Int32 = 64

    /// Takes them over: no child inherits them again. To be called once.
    ///
    /// - Parameters:
    ///   - count: the value of `LISTEN_FDS`; `nil`: there are none.
    ///   - process: the value of `LISTEN_PID`, whom they are for; for others there are none.
    ///   - predecessor: who has handed them over instead.
    public static func take(
        count: String?,
        process: String?,
        predecessor: Predecessor? = nil
    ) throws(Problem) -> [BoundSocket] {
        if let predecessor { return try take(predecessor.socketCount) }
        guard let count, process == "\(getpid())" else { return [] }
        guard let number = Int32(count), (0...most).contains(number) else {
            throw Problem(description: "LISTEN_FDS is \(count) (a number from 0 to \(most))")
        }
        return try take(number)
    }

    private static func take(_ number: Int32) throws(Problem) -> [BoundSocket] {
        var sockets: [BoundSocket] = []
        for descriptor in first..<first + number {
            guard let socket = BoundSocket(inherited: descriptor) else {
                throw Problem(
                    description:
                        "descriptor \(descriptor) of LISTEN_FDS is no listening stream socket"
                )
            }
            sockets.append(socket)
        }
        return sockets
    }
}
