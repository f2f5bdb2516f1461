import Bytes
import Secrets

/// Reads the lines of an htpasswd file and collects what is wrong with them.
struct PasswordFileReader {
    let name: String
    private(set) var users: [ByteString: (hash: PasswordHash, line: Int)] = [:]
    private(set) var errors: [PasswordFileError] = []
    private(set) var strongest: PasswordHash?
    private var weakest: PasswordHash?
    private var weakLine: (number: Int, cost: Int)?
    private var uncountedErrors = 0

    private static let mostErrors = 100

    init(name: String) { self.name = name }

    mutating func read(_ contents: borrowing Span<UInt8>) {
        let contents = copy contents
        if contents.count >= 3, contents[0] == 0xEF, contents[1] == 0xBB, contents[2] == 0xBF {
            add(.byteOrderMark, line: 1)
        }
        var number = 0
        forEachLine(of: contents) { line in
            number += 1
            read(contents.extracting(line), number: number)
        }
        if users.isEmpty, errors.isEmpty {
            errors = [PasswordFileError(name, nil, .noUsers)]
        }
        if uncountedErrors > 0 {
            errors.append(PasswordFileError(name, nil, .tooMany(uncountedErrors)))
        }
    }

    var warnings: [PasswordFileError] {
        var found: [PasswordFileError] = []
        if let weakLine {
            found.append(PasswordFileError(name, weakLine.number, .weakCost(weakLine.cost)))
        }
        if let strongest, let weakest, strongest.format != weakest.format {
            found.append(PasswordFileError(name, nil, .mixedCosts))
        }
        return found
    }

    private mutating func read(_ line: Span<UInt8>, number: Int) {
        guard !isIgnored(line) else { return }
        if line.firstIndex(of: 0) != nil { return add(.nulByte, line: number) }
        if line[line.count - 1] == UInt8(ascii: "\r") { return add(.carriageReturn, line: number) }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            return add(.noColon, line: number)
        }
        let user = line.extracting(0..<colon)
        let hash = line.extracting((colon + 1)..<line.count)
        if hash.firstIndex(of: UInt8(ascii: ":")) != nil { return add(.extraField, line: number) }
        if hasOuterBlank(user) || hasOuterBlank(hash) { return add(.blanks, line: number) }
        if let problem = userNameProblem(user) { return add(problem, line: number) }
        do throws(PasswordHashError) {
            add(ByteString(copying: user), try PasswordHash(parsing: hash), line: number)
        } catch {
            add(.hash(error), line: number)
        }
    }

    private mutating func add(_ user: ByteString, _ hash: PasswordHash, line: Int) {
        if let earlier = users[user] {
            return add(.duplicate(line: earlier.line), line: line)
        }
        users[user] = (hash, line)
        if hash.effort > strongest?.effort ?? 0 { strongest = hash }
        if hash.effort < weakest?.effort ?? .max { weakest = hash }
        if case .bcrypt(let cost) = hash.format, cost < 10, weakLine == nil {
            weakLine = (line, cost)
        }
    }

    private mutating func add(_ problem: PasswordFileError.Problem, line: Int) {
        if errors.count < Self.mostErrors {
            errors.append(PasswordFileError(name, line, problem))
        } else {
            uncountedErrors += 1
        }
    }
}

/// What keeps bytes from being a user name, in the file and on the command line.
func userNameProblem(_ name: Span<UInt8>) -> PasswordFileError.Problem? {
    guard (1...CredentialPlaces.longestUser).contains(name.count) else { return .userLength }
    guard !hasControlBytes(name) else { return .userControlByte }
    guard isUTF8(name) else { return .userNotUTF8 }
    // access.md: words of `who` cannot be users.
    let isReserved =
        name.elementsEqual("anyone") || name.elementsEqual("anonymous")
        || name.elementsEqual("authenticated")
    return isReserved ? .reservedUser : nil
}

/// Calls `body` with the place of each line, without its LF. An LF at the end begins no new line.
func forEachLine(of contents: Span<UInt8>, _ body: (Place) -> Void) {
    var start = 0
    for position in 0..<contents.count where contents[position] == UInt8(ascii: "\n") {
        body(Place(start, position))
        start = position + 1
    }
    if start < contents.count { body(Place(start, contents.count)) }
}

/// Comments and blank lines.
func isIgnored(_ line: Span<UInt8>) -> Bool {
    guard !line.isEmpty else { return true }
    if line[0] == UInt8(ascii: "#") { return line.firstIndex(of: 0) == nil }
    for index in 0..<line.count where !isBlank(line[index]) { return false }
    return true
}

func hasOuterBlank(_ text: Span<UInt8>) -> Bool {
    guard !text.isEmpty else { return false }
    return isBlank(text[0]) || isBlank(text[text.count - 1])
}

private func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
}
