import Bytes

extension ValueKind where Value: Quantity {
    /// A number with a unit, within `range`.
    static func quantity(_ type: String, in range: ClosedRange<Value>) -> ValueKind {
        let shown = "\(range.lowerBound) … \(range.upperBound)"
        let allowed = "a \(type) in \(Value.unitNames) like \(Value.example), from \(shown)"
        return .scalar(type: type, range: shown, allowed: allowed) { text, _ in
            switch Value.read(text) {
            case .value(let value) where range.contains(value): .value(value)
            case .value, .tooLarge: .wrong("\(quoted(text)) is out of range")
            case .noUnit: .wrong("\(quoted(text)) has no unit")
            case .malformed: .wrong("\(quoted(text)) is not a \(type)")
            }
        }
    }
}

extension ValueKind<TimeSpan> {
    static func duration(_ range: ClosedRange<TimeSpan>) -> ValueKind {
        .quantity("duration", in: range)
    }
}

extension ValueKind<ByteCount> {
    static func size(_ range: ClosedRange<ByteCount>) -> ValueKind { .quantity("size", in: range) }
}

extension ValueKind<Int> {
    /// Bytes per second: a size, or a plain number of bytes.
    static let rate: ValueKind = {
        let shown = "0 … 1GiB"
        let allowed = "bytes per second like 0 or 16KiB, from \(shown)"
        return .scalar(type: "rate", range: shown, allowed: allowed) { text, isPlain in
            let count: Int? =
                switch ByteCount.read(text) {
                case .value(let size): size.bytes
                case .noUnit where isPlain: Array(text.utf8).span.decimalValue
                case .noUnit, .tooLarge, .malformed: nil
                }
            guard let count, count <= ByteCount.gibibytes(1).bytes else {
                return .wrong("\(quoted(text)) is not a rate")
            }
            return .value(count)
        }
    }()

    static func count(_ range: ClosedRange<Int>) -> ValueKind {
        let shown = "\(range.lowerBound) … \(range.upperBound)"
        let allowed = "a whole number from \(shown)"
        return .scalar(type: "count", range: shown, allowed: allowed) { text, isPlain in
            let digits =
                text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
            guard isPlain, !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit) else {
                return .wrong("\(quoted(text)) is not a whole number")
            }
            guard let value = Int(text), range.contains(value) else {
                return .wrong("\(quoted(text)) is out of range")
            }
            return .value(value)
        }
    }
}

extension ValueKind<Bool> {
    static let flag = ValueKind.scalar(type: "flag", allowed: "true or false") { text, isPlain in
        switch text {
        case "true" where isPlain: .value(true)
        case "false" where isPlain: .value(false)
        default: .wrong("\(quoted(text)) is not a flag")
        }
    }
}

extension ValueKind where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the words of an enumeration.
    static func choice() -> ValueKind {
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return .scalar(
            type: "word",
            range: words,
            allowed: "one of \(words)",
            show: { $0.rawValue },
            parse: { text, _ in
                Value(rawValue: text).map { .value($0) } ?? .wrong("is \(quoted(text))")
            }
        )
    }
}

extension ValueKind<String> {
    /// One line of text of at most `byteCount` bytes without those in `refused`.
    static func text(upTo byteCount: Int, without refused: String = "") -> ValueKind {
        let unwanted = refused.isEmpty ? "" : " without \(refused)"
        let allowed = "1 to \(byteCount) bytes of text\(unwanted)"
        return .scalar(type: "text", range: "1 … \(byteCount) bytes", allowed: allowed) { text, _ in
            if text.isEmpty { return .wrong("is empty") }
            if text.utf8.count > byteCount { return .wrong("has \(text.utf8.count) bytes") }
            if text.utf8.contains(where: { refused.utf8.contains($0) }) {
                return .wrong("\(quoted(text)) has a character that is not allowed")
            }
            return .value(text)
        }
    }
}

extension ValueKind<FileReference> {
    /// The name of a file that is read, taken relative to the configuration file. The file is not
    /// opened here, but from now on it belongs to the configuration: a change of it is a reload.
    static let file = ValueKind(type: "path", allowed: fileAllowed) { node, place, reading in
        let file = outputFile.read(node, place, &reading)
        if let file { reading.use(file) }
        return file
    }

    /// The name of a file that is written.
    static let outputFile = ValueKind(type: "path", allowed: fileAllowed) { node, place, reading in
        guard let scalar = reading.scalar(node, place, allowed: fileAllowed) else { return nil }
        if scalar.text.isEmpty {
            reading.refuse(node.mark, place, "is empty", allowed: fileAllowed)
            return nil
        }
        return FileReference(
            path: reading.resolve(scalar.text),
            position: reading.position(node.mark),
            key: place.shown
        )
    }

    private static let fileAllowed = "the path of a file"
}

extension ValueKind<Endpoint> {
    static let endpoint = scalar(
        type: "address",
        allowed: "IP:PORT, [IPv6]:PORT or unix:/PATH"
    ) { text, _ in
        Endpoint(text).map { .value($0) } ?? .wrong("\(quoted(text)) is not an address")
    }
}

extension ValueKind<IPNetwork> {
    static let network = scalar(
        type: "network",
        allowed: "ADDRESS or ADDRESS/BITS"
    ) { text, _ in
        do throws(IPNetwork.Problem) {
            return .value(try IPNetwork(parsing: Array(text.utf8).span))
        } catch {
            switch error {
            case .malformed: return .wrong("\(quoted(text)) is not a network")
            case .bitsBehindPrefix(let meant):
                return .explained("\(quoted(text)) has bits behind its prefix (\(meant))")
            }
        }
    }
}

extension ValueKind<HostPattern> {
    static let hostPattern = scalar(
        type: "host",
        allowed: "NAME or *.NAME, perhaps with :PORT"
    ) { text, _ in
        HostPattern(parsing: Array(text.utf8).span).map { .value($0) }
            ?? .wrong("\(quoted(text)) is not a host")
    }
}

extension ValueKind<WebAddress> {
    static func webAddress(_ schemes: [WebAddress.Scheme]) -> ValueKind {
        let forms = schemes.map { "\($0)://HOST[:PORT]" }.joined(separator: " or ")
        let kind = scalar(type: "URL", range: forms, allowed: forms) { text, _ in
            do throws(WebAddress.Problem) {
                return .value(try WebAddress(text, schemes: schemes))
            } catch {
                return .wrong(error.description)
            }
        }
        return kind
    }
}
