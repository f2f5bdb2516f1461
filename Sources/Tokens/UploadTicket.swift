public import AccessControl
public import Bytes
import Secrets

/// Lets a push go on whose token has expired meanwhile (`protocol.md` 4.4).
///
/// It travels in the URL of an upload session, and counts only beside a token whose one fault is
/// its expiry, for the very session, repository and login that it was made for.
public struct UploadTicket: Sendable, Hashable {
    /// What a ticket is bound to.
    public struct Binding: Sendable, Hashable {
        public let repository: ByteString
        public let upload: ByteString
        public let user: ByteString?
        public let provider: Identity.Provider?
        public let robot: ByteString?

        public init(repository: ByteString, upload: ByteString, _ token: BearerToken) {
            self.repository = repository
            self.upload = upload
            user = token.user
            provider = token.provider
            robot = token.robot
        }

        /// All of it with each part's length in front: no two bindings look alike.
        func bytes(expiry: Int64) -> [UInt8] {
            let parts = [
                repository, upload, provider?.claim ?? "", user ?? "", robot ?? "",
                ByteString(String(expiry)),
            ]
            return parts.flatMap { part in
                (0..<4).map { UInt8(truncatingIfNeeded: part.count >> (24 - 8 * $0)) } + part.bytes
            }
        }
    }

    /// As it stands in the URL.
    public let text: ByteString
    /// Seconds since 1970.
    public let expiry: Int64

    /// How long a session may go on, from its first request; in seconds.
    public static let lifetime: Int64 = 86_400
    /// Bytes of `text`.
    public static let length = 54

    /// For a session that is opened now.
    ///
    /// - Parameter now: seconds since 1970.
    public init(for binding: Binding, signer: TokenSigner, now: Int64) {
        let expiry = now + Self.lifetime
        let code = signer.newestTicketCode(binding.bytes(expiry: expiry))
        var all = (0..<8).map { UInt8(truncatingIfNeeded: expiry >> (56 - 8 * Int64($0))) }
        all += code.bytes
        var text: [UInt8] = []
        text.append(base64URL: all.span)
        self.text = ByteString(text)
        self.expiry = expiry
    }

    /// - Returns: `nil` for anything but a ticket of this binding that is still good.
    public init?(
        verifying text: ByteString,
        for binding: Binding,
        signer: TokenSigner,
        now: Int64
    ) {
        guard text.count == Self.length, let all = text.span.base64URLDecoded, all.count == 40
        else {
            return nil
        }
        let expiry = all[..<8].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        guard now < expiry, expiry <= now + Self.lifetime + 60 else { return nil }
        let code = Array(all[8...])
        let codes = signer.ticketCodes(binding.bytes(expiry: expiry))
        guard codes.contains(where: { $0.equals(code.span) }) else { return nil }
        self.text = text
        self.expiry = expiry
    }
}
