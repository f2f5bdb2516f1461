import Authentication
import Bytes
import Foundation
import Secrets

/// What base64 means, and `nil` if it is not the one text for it.
private func decoded(base64 text: some Sequence<UInt8>) -> [UInt8]? {
    let text = String(decoding: Array(text), as: UTF8.self)
    guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else {
        return nil
    }
    return Array(data)
}

private func isSound(_ text: some Collection<UInt8>, _ lengths: ClosedRange<Int>) -> Bool {
    lengths.contains(text.count) && !text.contains { $0 < 0x20 || $0 == 0x7F }
        && (try? UTF8Span(validating: Array(text).span)) != nil
}

extension FuzzTarget {
    /// Credentials are taken exactly if they are what RFC 7617 and our limits say.
    static let basic = FuzzTarget("basic") { bytes throws(Finding) in
        let parsed = try? BasicCredentials(parsing: bytes.span)
        let scheme = Grammar.lowercased(bytes.prefix(6))
        var wanted: (user: [UInt8], password: [UInt8])?
        let text = bytes.dropFirst(6)
        if scheme == Array("basic ".utf8), text.count <= 1024, let pair = decoded(base64: text),
            let colon = pair.firstIndex(of: UInt8(ascii: ":")),
            isSound(pair[..<colon], 1...128), isSound(pair[(colon + 1)...], 1...256)
        {
            wanted = (Array(pair[..<colon]), Array(pair[(colon + 1)...]))
        }
        try expect(parsed?.user.bytes == wanted?.user, "the user is \(shown(wanted?.user ?? []))")
        let password = parsed.map { ByteString(copying: $0.password.bytes).bytes }
        try expect(password == wanted?.password, "the password")
    }

    /// Base64 is strict: one text for one value.
    static let base64 = FuzzTarget("base64") { bytes throws(Finding) in
        for capacity in [0, 5, bytes.count] {
            let buffer = SecretBuffer(capacity: capacity)
            let isFilled = buffer.fill(base64: bytes.span)
            let value = decoded(base64: bytes).flatMap { $0.count <= capacity ? $0 : nil }
            try expect(isFilled == (value != nil), "capacity \(capacity): \(isFilled)")
            let filled = ByteString(copying: buffer.bytes).bytes
            try expect(filled == value ?? [], "capacity \(capacity): \(shown(filled))")
        }
    }

    /// A users' file is taken whole, or every fault has a line that is in the file.
    static let passwordFile = FuzzTarget("password-file") { bytes throws(Finding) in
        let lineCount = bytes.count { $0 == 0x0A } + 1
        let file: PasswordFile
        do throws(PasswordFileErrors) {
            file = try PasswordFile(parsing: bytes.span, named: "users")
        } catch {
            return try expectLines(error, lineCount)
        }
        try expectUsers(file, in: bytes)
    }

    private static func expectUsers(_ file: PasswordFile, in bytes: [UInt8]) throws(Finding) {
        let lines = bytes.split(separator: 0x0A)
        try expect(!file.users.isEmpty, "a file without users")
        for user in file.users {
            try expect(!user.bytes.contains { $0 < 0x20 || $0 == 0x7F || $0 == 0x3A }, "\(user)")
            let prefix = user.bytes + [0x3A]
            try expect(lines.count { $0.starts(with: prefix) } == 1, "\(user) has one line")
        }
    }

    private static func expectLines(
        _ errors: PasswordFileErrors,
        _ lineCount: Int
    ) throws(Finding) {
        try expect(!errors.all.isEmpty, "refused for no reason")
        for error in errors.all {
            let text = error.description
            try expect((1...lineCount).contains(error.line ?? 1), "\(text): no such line")
            try expect(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(shown(text.utf8))")
        }
    }
}
