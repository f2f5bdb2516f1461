import AccessControl
import Bytes

/// A value in an entry's `match` of docker_auth: a glob, or a regular expression between slashes,
/// with variables.
struct DockerAuthPattern {
    let text: ByteString

    /// A name in `${…}`, as the reader of the entry wants it taken.
    typealias Variable = (_ name: ByteString) -> (tokens: [GlobToken], isExact: Bool)

    func language(variable: @escaping Variable) -> GlobLanguage {
        let bytes = text.bytes
        let find: GoGlob.Variables = { rest in
            guard rest.starts(with: "${".utf8), let end = rest.firstIndex(of: UInt8(ascii: "}"))
            else { return nil }
            let name = ByteString(Array(rest[(rest.startIndex + 2)..<end]))
            let found = variable(name)
            return (found.tokens, end - rest.startIndex + 1, found.isExact)
        }
        let slash = UInt8(ascii: "/")
        if bytes.count > 2, bytes.first == slash, bytes.last == slash {
            return GoRegex.read(bytes[1..<(bytes.count - 1)], variables: find)
        }
        return GoGlob.read(text, isDoubleStar: false, variables: find)
    }

    /// The same where a variable can be anything.
    var language: GlobLanguage { language { _ in ([.anything(mayBeEmpty: true)], false) } }

    /// The label whose values the text asks for, if it asks for one.
    var labels: [ByteString] {
        var found: [ByteString] = []
        _ = language { name in
            if name.bytes.starts(with: "labels:".utf8) {
                let label = ByteString(Array(name.bytes.dropFirst("labels:".utf8.count)))
                if !found.contains(label) { found.append(label) }
            }
            return ([], true)
        }
        return found
    }
}

extension GlobLanguage {
    /// Whose accounts it matches. The empty account is that of a request without a login.
    var accounts: (who: [Subject], isExact: Bool) {
        if let texts = onlyTexts, isExact {
            var who: [Subject] = []
            var isExact = true
            for text in texts where !who.contains(.user(text)) {
                if text.isEmpty {
                    who.append(.anonymous)
                } else {
                    who.append(.user(text))
                    isExact = isExact && ForeignFile().user(text) != nil
                }
            }
            return (who, isExact)
        }
        let mayBeEmpty = matches("")
        let shape = alternatives.count == 1 ? alternatives[0] : []
        let needed = shape.filter { $0 != .anything(mayBeEmpty: true) && $0 != .run }
        // At most one character that must be there: then everybody, or everybody with a login.
        let isAnybody =
            isExact && !shape.isEmpty
            && (needed.isEmpty || needed == [.one] || needed == [.anything(mayBeEmpty: false)])
            && (needed != [.one] || shape.count > 1)
        return (mayBeEmpty ? [.anyone] : [.authenticated], isAnybody)
    }

    /// The names of groups it matches, as `group:` takes them.
    var groups: (names: [ByteString], isExact: Bool) {
        var names: [ByteString] = []
        var isExact = isExact
        for tokens in alternatives {
            var name: [UInt8] = []
            for token in tokens {
                switch token {
                case .literal(let byte):
                    isExact = isExact && byte != UInt8(ascii: "*")
                    name.append(byte)
                case .anything(mayBeEmpty: true): name.append(UInt8(ascii: "*"))
                case .one, .run, .anything, .user, .group:
                    isExact = false
                    name.append(UInt8(ascii: "*"))
                }
            }
            if !names.contains(ByteString(name)) { names.append(ByteString(name)) }
        }
        return (names, isExact)
    }
}
