public import Secrets

/// One fault of a password file: where, what, and what would be allowed.
public struct PasswordFileError: Error, Equatable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        case file(SecretFileError)
        case byteOrderMark, nulByte, carriageReturn, noUsers
        case noColon, extraField, blanks
        case userLength, userControlByte, userNotUTF8, reservedUser, unwritableUser
        case duplicate(line: Int)
        case hash(PasswordHashError)
        case tooMany(Int)
        case weakCost(Int)
        case mixedCosts
    }

    /// The file as the caller named it.
    public let file: String
    /// From 1; `nil` if the fault is the file's as a whole.
    public let line: Int?
    public let problem: Problem

    init(_ file: String, _ line: Int?, _ problem: Problem) {
        self.file = file
        self.line = line
        self.problem = problem
    }

    /// `FILE:LINE: what is wrong (what is allowed)`. Never contains a hash or a password.
    public var description: String {
        if let line { "\(file):\(line): \(message)" } else { "\(file): \(message)" }
    }

    /// The description without the place.
    public var message: String {
        switch problem {
        case .file(let error): error.description
        case .byteOrderMark: "the file begins with a byte order mark (plain UTF-8 without one)"
        case .nulByte: "the line contains a NUL byte (text)"
        case .carriageReturn: "the line ends in CR LF (LF alone)"
        case .noUsers: "the file has no users (at least one line USER:HASH)"
        case .noColon: "the line has no colon (USER:HASH)"
        case .extraField: "the line has a second colon (USER:HASH)"
        case .blanks: "user or hash begins or ends with a blank (USER:HASH without outer blanks)"
        case .userLength: "the user name is empty or too long (1 to 128 bytes)"
        case .userControlByte: "the user name contains a control byte (none)"
        case .userNotUTF8: "the user name is not UTF-8 (UTF-8)"
        case .reservedUser:
            "the user name is reserved (any but anyone, anonymous, authenticated)"
        case .unwritableUser:
            "the user name cannot stand in the file (no colon, no # in front, no outer blanks)"
        case .duplicate(let line): "the user is already on line \(line) (each user once)"
        case .hash(let error): error.description
        case .tooMany(let count): "\(count) more lines are wrong"
        case .weakCost(let cost): "the bcrypt cost \(cost) is weak (10 or more)"
        case .mixedCosts:
            "the hashes differ in cost, which lets their users be told from unknown ones"
        }
    }
}

/// Every fault of one password file.
public struct PasswordFileErrors: Error, Equatable, CustomStringConvertible {
    /// In the order of lines; never empty. After 100, the rest is counted.
    public let all: [PasswordFileError]

    public var description: String {
        all.map(\.description).joined(separator: "\n")
    }
}
