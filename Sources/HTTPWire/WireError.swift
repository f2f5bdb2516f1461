internal import Bytes

/// The rule that a message breaks. Nothing behind the place where it is broken can be trusted:
/// answer with `status` if the message is a request, and close.
///
/// The same rules hold for answers of an upstream; there `status` means nothing, a broken answer
/// is always 502.
public enum WireError: Error, Equatable, Sendable, CaseIterable {
    // Lines.
    case bareLineFeed, bareCarriageReturn
    // Request line and status line.
    case emptyLinesBeforeRequest, requestLineTooLong, methodMalformed
    case versionMissing, versionMalformed, versionUnsupported
    case statusLineTooLong, statusLineMalformed, statusOutOfRange
    // Field lines.
    case sectionTooLong, tooManyFields, foldedLine, fieldWithoutColon
    case fieldNameEmpty, fieldNameTooLong, fieldNameUnderscore, fieldNameBlank, fieldNameMalformed
    case fieldValueNUL, fieldValueControl
    // Fields.
    case hostMissing, hostRepeated, hostMalformed
    case authorizationRepeated, fieldRepeated, acceptTooLong, expectationUnsupported
    case connectionMalformed, connectionNamesFraming
    // Body framing.
    case lengthAndCoding, lengthRepeated, lengthMalformed, lengthTooLarge
    case codingOnHTTP10, codingRepeated, codingUnsupported, bodyNotAllowed, protocolSwitched
    // Request target.
    case targetMissing, targetHasControl, targetNotASCII, targetHasFragment
    case targetFormUnsupported, asteriskWithoutOptions, authorityMalformed, authorityNotHost
    case pathHasPercent, pathHasEmptySegment, pathHasDotSegment, pathHasSemicolon
    case pathHasBackslash, pathMalformed, queryHasPercent, queryMalformed
    // Chunked coding.
    case chunkSizeMalformed, chunkSizeTooLarge, chunkUnterminated
    case chunkExtensionMalformed, chunkExtensionTooLong, trailerTooLong

    /// The status that a request with this fault is answered with.
    public var status: Int {
        switch self {
        case .requestLineTooLong: 414
        case .sectionTooLong, .tooManyFields, .acceptTooLong, .trailerTooLong: 431
        case .expectationUnsupported: 417
        case .versionUnsupported: 505
        case .bareLineFeed, .bareCarriageReturn, .emptyLinesBeforeRequest, .methodMalformed,
            .versionMissing, .versionMalformed, .statusLineTooLong, .statusLineMalformed,
            .statusOutOfRange, .foldedLine, .fieldWithoutColon, .fieldNameEmpty, .fieldNameTooLong,
            .fieldNameUnderscore, .fieldNameBlank, .fieldNameMalformed, .fieldValueNUL,
            .fieldValueControl, .hostMissing, .hostRepeated, .hostMalformed,
            .authorizationRepeated, .fieldRepeated, .connectionMalformed, .connectionNamesFraming,
            .lengthAndCoding, .lengthRepeated, .lengthMalformed, .lengthTooLarge, .codingOnHTTP10,
            .codingRepeated, .codingUnsupported, .bodyNotAllowed, .protocolSwitched,
            .targetMissing, .targetHasControl, .targetNotASCII, .targetHasFragment,
            .targetFormUnsupported, .asteriskWithoutOptions, .authorityMalformed,
            .authorityNotHost, .pathHasPercent, .pathHasEmptySegment, .pathHasDotSegment,
            .pathHasSemicolon, .pathHasBackslash, .pathMalformed, .queryHasPercent,
            .queryMalformed, .chunkSizeMalformed, .chunkSizeTooLarge, .chunkUnterminated,
            .chunkExtensionMalformed, .chunkExtensionTooLong:
            400
        }
    }
}

extension WireError {
    /// Why this byte may not stand in a field name.
    static func inFieldName(_ byte: UInt8) -> WireError {
        switch byte {
        case .lineFeed: .bareLineFeed
        case .carriageReturn: .fieldWithoutColon
        case .space, .tab: .fieldNameBlank
        case UInt8(ascii: "_"): .fieldNameUnderscore
        default: .fieldNameMalformed
        }
    }

    /// Why this byte may not stand in a field value.
    static func inFieldValue(_ byte: UInt8) -> WireError {
        switch byte {
        case .lineFeed: .bareLineFeed
        case 0: .fieldValueNUL
        default: .fieldValueControl
        }
    }

    /// Why this byte may not stand in a request target. CR ends a line that has no version.
    static func inTarget(_ byte: UInt8) -> WireError {
        switch byte {
        case .lineFeed: .bareLineFeed
        case .carriageReturn: .versionMissing
        case 0x80...: .targetNotASCII
        default: .targetHasControl
        }
    }

    /// Why this byte may not stand in a path.
    static func inPath(_ byte: UInt8) -> WireError {
        switch byte {
        case UInt8(ascii: "%"): .pathHasPercent
        case UInt8(ascii: ";"): .pathHasSemicolon
        case UInt8(ascii: "\\"): .pathHasBackslash
        case UInt8(ascii: "#"): .targetHasFragment
        case 0x80...: .targetNotASCII
        case 0x00...0x20, 0x7F: .targetHasControl
        default: .pathMalformed
        }
    }

    /// Why this byte may not stand in a query.
    static func inQuery(_ byte: UInt8) -> WireError {
        switch byte {
        case UInt8(ascii: "#"): .targetHasFragment
        case 0x21...0x7E: .queryMalformed
        default: .inTarget(byte)
        }
    }
}
