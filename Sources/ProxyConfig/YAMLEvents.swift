import CYAML

/// The events of a YAML document, pulled one by one. THE unsafe room over libyaml.
///
/// The bytes must have passed `YAMLText.problem(in:)`: libyaml would skip a byte order mark and
/// guess an encoding, and its C strings would end at a NUL.
@safe struct YAMLEvents: ~Copyable {
    enum Kind: Equatable {
        case streamStart, streamEnd
        case documentStart, documentEnd
        /// By its name, without the `*`.
        case alias(String)
        case scalar(String, isPlain: Bool)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
    }

    struct Event: Equatable {
        let kind: Kind
        let mark: YAMLMark
        let hasAnchor: Bool
        let hasTag: Bool
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) {
        // SAFETY: both regions are owned by this value, which cannot be copied, and freed in
        // `deinit`.
        unsafe input = UnsafeMutableBufferPointer.allocate(capacity: max(bytes.count, 1))
        _ = unsafe input.initialize(from: bytes)
        unsafe parser = UnsafeMutablePointer.allocate(capacity: 1)
        let isReady = unsafe yaml_parser_initialize(parser) == 1
        precondition(isReady, "yaml_parser_initialize: out of memory")
        // SAFETY: libyaml reads `bytes.count` bytes at `input`, which outlives the parser.
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    /// The next event. Not to be called again after an error or `.streamEnd`.
    mutating func next() throws(YAMLProblem) -> Event {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        // SAFETY: what the event points to lives until it is deleted; `event(from:)` copies.
        defer { unsafe yaml_event_delete(&event) }
        return unsafe Self.event(from: event)
    }

    private static func event(from event: yaml_event_t) -> Event {
        var hasAnchor = false
        var hasTag = false
        let kind: Kind
        // SAFETY: the union's member is the one that the event's type names (yaml.h, yaml_event_s).
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: kind = .streamStart
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_ALIAS_EVENT:
            // SAFETY: libyaml gives every alias a name that ends in NUL.
            let name = unsafe event.data.alias.anchor.map { unsafe String(cString: $0) }
            kind = .alias(name ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            hasAnchor = unsafe scalar.anchor != nil
            hasTag = unsafe scalar.tag != nil
            // SAFETY: libyaml gives `length` bytes at `value`.
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let text = unsafe String(decoding: bytes, as: UTF8.self)
            kind = unsafe .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
        case YAML_SEQUENCE_START_EVENT:
            hasAnchor = unsafe event.data.sequence_start.anchor != nil
            hasTag = unsafe event.data.sequence_start.tag != nil
            kind = .sequenceStart
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            hasAnchor = unsafe event.data.mapping_start.anchor != nil
            hasTag = unsafe event.data.mapping_start.tag != nil
            kind = .mappingStart
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        default: kind = .streamEnd
        }
        let mark = unsafe YAMLMark(event.start_mark)
        return Event(kind: kind, mark: mark, hasAnchor: hasAnchor, hasTag: hasTag)
    }

    /// What libyaml has to say after a failure.
    private func problem() -> YAMLProblem {
        // SAFETY: libyaml's messages are static C strings; a NULL is asked for first.
        guard let words = unsafe parser.pointee.problem else {
            return YAMLProblem(mark: .start, path: "", message: "cannot be parsed: out of memory")
        }
        var message = unsafe String(cString: words)
        if let context = unsafe parser.pointee.context {
            unsafe message += " " + String(cString: context)
        }
        let mark =
            if unsafe parser.pointee.error == YAML_READER_ERROR {
                unsafe YAMLText.mark(ofByte: parser.pointee.problem_offset, in: input.span)
            } else {
                unsafe YAMLMark(parser.pointee.problem_mark)
            }
        let advice = unsafe UnquotedText.advice(at: mark, in: input.span)
        return YAMLProblem(mark: mark, path: "", message: "is not YAML: \(message)\(advice)")
    }
}

extension YAMLMark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }
}
