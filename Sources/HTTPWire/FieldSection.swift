public import Bytes

/// One field line (RFC 9110 section 5.2), as places in the bytes of its head.
public struct FieldLine: Sendable, Equatable {
    /// The name as sent: 1 to `HeadLimits.fieldName` token bytes, no underscore.
    public let name: Place
    /// The value without the blanks around it; may be empty. Holds HTAB, 0x20 to 0x7E and 0x80 to
    /// 0xFF only.
    public let value: Place
    /// Which of the known names it is.
    public let field: FieldName
    /// Whether `Connection` lists this name: the line is for this hop only and must not cross the
    /// proxy (RFC 9110 section 7.6.1).
    public internal(set) var isConnectionNamed = false

    init(name: Place, value: Place, field: FieldName) {
        self.name = name
        self.value = value
        self.field = field
    }
}

/// The field lines of one head, in the order sent.
///
/// Keeps its memory when emptied, so that reading heads one after another allocates nothing.
public struct FieldSection: Sendable {
    /// All lines, in the order sent.
    public private(set) var lines: [FieldLine] = []
    /// One bit per `FieldName`: seen at all, and seen again.
    private var present: UInt64 = 0
    private var repeated: UInt64 = 0

    init() {}

    /// Whether there is a line with this name.
    public func contains(_ name: FieldName) -> Bool { present & name.bit != 0 }

    /// The value of the first line with this name; `nil` if there is none.
    public func first(_ name: FieldName) -> Place? {
        guard contains(name) else { return nil }
        for index in lines.indices where lines[index].field == name { return lines[index].value }
        return nil
    }

    /// How many lines have this name.
    public func count(of name: FieldName) -> Int {
        guard contains(name) else { return 0 }
        var count = 0
        for index in lines.indices where lines[index].field == name { count += 1 }
        return count
    }

    /// Whether any known name stands twice.
    var hasRepetitions: Bool { repeated != 0 }

    func isRepeated(_ name: FieldName) -> Bool { repeated & name.bit != 0 }

    mutating func append(_ line: FieldLine) {
        repeated |= present & line.field.bit
        present |= line.field.bit
        lines.append(line)
    }

    mutating func removeAll() {
        lines.removeAll(keepingCapacity: true)
        present = 0
        repeated = 0
    }

    /// Marks the lines whose name is `option`, in whatever case.
    mutating func markConnectionNamed(_ option: Span<UInt8>, in bytes: Span<UInt8>) {
        for index in lines.indices
        where bytes.extracting(lines[index].name).equalsIgnoringCase(option) {
            lines[index].isConnectionNamed = true
        }
    }
}

extension FieldName {
    /// There are fewer than 64 names: tested.
    fileprivate var bit: UInt64 { 1 &<< UInt64(rawValue) }
}
