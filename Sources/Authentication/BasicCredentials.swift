public import Bytes
public import Secrets

/// A user name and a password as a client sent them (RFC 7617), checked for their form and nothing
/// else.
///
/// - User: 1 to 128 bytes of UTF-8. Password: 1 to 256 bytes. No control byte in either.
/// - The text is split at the first colon, so that a password may contain more of them.
public struct BasicCredentials: Sendable {
    public let user: ByteString
    public let password: SecretBytes

    /// - Parameter value: the value of the one `Authorization` field.
    public init(parsing value: borrowing Span<UInt8>) throws(MalformedCredentials) {
        let room = SecretBuffer(capacity: CredentialPlaces.roomNeeded)
        let places = try CredentialPlaces(parsing: value, into: room)
        self.init(places, in: room)
    }

    init(_ places: CredentialPlaces, in room: SecretBuffer) {
        user = ByteString(copying: room.bytes.extracting(places.user))
        password = SecretBytes(copying: room.bytes.extracting(places.password))
    }
}

/// Where user and password stand in the buffer that they were decoded into. Makes no copies.
struct CredentialPlaces {
    let user: Place
    let password: Place

    /// The longest base64 text that is decoded, in bytes (product.md section 3).
    static let longestText = 1024
    static let roomNeeded = longestText / 4 * 3
    static let longestUser = 128
    static let longestPassword = 256

    init(
        parsing value: borrowing Span<UInt8>,
        into room: SecretBuffer
    ) throws(MalformedCredentials) {
        let value = copy value
        guard let blank = value.firstIndex(of: UInt8(ascii: " ")),
            value.extracting(0..<blank).equalsIgnoringCase("basic")
        else { throw MalformedCredentials(.scheme) }
        let text = value.extracting((blank + 1)..<value.count)
        guard text.count <= Self.longestText else { throw MalformedCredentials(.tooLong) }
        guard room.fill(base64: text), room.count > 0 else { throw MalformedCredentials(.base64) }
        try self.init(splitting: room.bytes)
    }

    private init(splitting bytes: Span<UInt8>) throws(MalformedCredentials) {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw MalformedCredentials(.noColon)
        }
        user = Place(0, colon)
        password = Place(colon + 1, bytes.count)
        let name = bytes.extracting(user)
        guard (1...Self.longestUser).contains(name.count) else {
            throw MalformedCredentials(.userLength)
        }
        guard !hasControlBytes(name) else { throw MalformedCredentials(.controlByte) }
        guard isUTF8(name) else { throw MalformedCredentials(.notUTF8) }
        let secret = bytes.extracting(password)
        let reason: MalformedCredentials.Reason? =
            if secret.isEmpty {
                .emptyPassword
            } else if secret.count > Self.longestPassword {
                .passwordLength
            } else if hasControlBytes(secret) {
                .controlByte
            } else if !isUTF8(secret) {
                .notUTF8
            } else {
                nil
            }
        if let reason {
            throw MalformedCredentials(reason, claimedUser: ByteString(copying: name))
        }
    }
}

/// Why an `Authorization` value names no login. The client sees 401 in every case.
public struct MalformedCredentials: Error, Equatable {
    public enum Reason: Sendable, Equatable, CaseIterable {
        case scheme, tooLong, base64, noColon, userLength, emptyPassword, passwordLength
        case controlByte, notUTF8
    }

    public let kind: Reason
    /// The user that was named, if that part was in order; for the log (`user_claimed`).
    public let claimedUser: ByteString?

    init(_ kind: Reason, claimedUser: ByteString? = nil) {
        self.kind = kind
        self.claimedUser = claimedUser
    }

    /// For the log and the error body; says nothing about the values.
    public var reason: StaticString {
        switch kind {
        case .scheme: "the Authorization field is not Basic followed by one blank"
        case .tooLong: "the credentials are longer than 1024 bytes"
        case .base64: "the credentials are not strict base64"
        case .noColon: "the credentials have no colon"
        case .userLength: "the user name is empty or longer than 128 bytes"
        case .emptyPassword: "the password is empty"
        case .passwordLength: "the password is longer than 256 bytes"
        case .controlByte: "the credentials contain a control byte"
        case .notUTF8: "the credentials are not UTF-8"
        }
    }
}

/// Bytes under 0x20, or 0x7F. RFC 7617 section 2 forbids them in both parts.
func hasControlBytes(_ bytes: Span<UInt8>) -> Bool {
    for index in 0..<bytes.count where bytes[index] < 0x20 || bytes[index] == 0x7F { return true }
    return false
}

func isUTF8(_ bytes: Span<UInt8>) -> Bool {
    (try? UTF8Span(validating: bytes)) != nil
}
