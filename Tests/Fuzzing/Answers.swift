import Bytes
import Foundation
import RegistryAPI

private let ours: [ByteString] = ["registry.internal:5000", "proxy.example", "[::1]:80"]

/// The field value, if the bytes can be one.
private func fieldValue(_ bytes: [UInt8]) -> [UInt8]? {
    Grammar.isFieldValue(bytes) ? bytes : nil
}

/// Whom a client asks that resolves `reference` (RFC 3986 section 5.2.2): `nil` is whom it asked
/// before. Backslashes count as slashes, as browsers have it.
private func authorityAsked(by reference: [UInt8]) -> [UInt8]? {
    let text = Grammar.lowercased(reference.map { $0 == UInt8(ascii: "\\") ? 0x2F : $0 })
    for scheme in ["https://", "http://", "//"] where text.starts(with: scheme.utf8) {
        return Array(
            text.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
        )
    }
    return nil
}

extension FuzzTarget {
    /// Cutting a `Location` never makes it lead elsewhere.
    static let location = FuzzTarget("location") { bytes throws(Finding) in
        guard let value = fieldValue(bytes) else { return }
        guard let kept = LocationRewriting.pathOnly(value.span, ours: ours) else { return }
        let path = Array(value[kept.range])
        try expect(path.first == UInt8(ascii: "/"), "no path: \(shown(path))")
        try expect(kept.end == value.count, "the end of \(shown(value)) is cut off")
        guard kept.start > 0 else { return }
        try expect(authorityAsked(by: path) == nil, "\(shown(value)) leads to \(shown(path))")
        let before = authorityAsked(by: value) ?? []
        let isOurs = ours.contains { own in
            [":80", ":443", ""].contains { before == own.bytes + Array($0.utf8) }
                || own.bytes == before + Array(":80".utf8)
                || own.bytes == before + Array(":443".utf8)
        }
        try expect(isOurs, "\(shown(before)) is none of ours")
    }

    /// In a `Link` the URLs change and nothing else; what has been rewritten stays as it is.
    static let link = FuzzTarget("link") { bytes throws(Finding) in
        guard let value = fieldValue(bytes) else { return }
        let once = rewritten(value)
        try expect(once.count <= value.count, "it grew")
        try expect(Grammar.isFieldValue([0x61] + once + [0x61]), "\(shown(once)) is no value")
        var rest = value[...]
        for byte in once {
            guard let index = rest.firstIndex(of: byte) else {
                throw Finding("\(shown(once)) was not in \(shown(value))")
            }
            rest = rest[(index + 1)...]
        }
        try expect(rewritten(once) == once, "\(shown(once)) becomes \(shown(rewritten(once)))")
    }

    private static func rewritten(_ value: [UInt8]) -> [UInt8] {
        let buffer = Buffer(capacity: value.count)
        LocationRewriting.appendRewrittenLink(value.span, ours: ours, to: buffer)
        return ByteString(copying: buffer.bytes).bytes
    }

    /// A list that is read is JSON, and holds these names in this order.
    static let nameList = FuzzTarget("name-list") { bytes throws(Finding) in
        guard let names = FuzzTarget.names(in: bytes) else { return }
        guard let object = try? JSONSerialization.jsonObject(with: Data(bytes)),
            let members = object as? [String: Any]
        else { throw Finding("no JSON: \(shown(bytes))") }
        // Of two members with one name Foundation takes one or the other.
        guard String(decoding: bytes, as: UTF8.self).split(separator: "repositories").count <= 2
        else { return }
        var listed = (members["repositories"] as? [String] ?? [])[...]
        for name in names {
            let text = String(decoding: name.bytes, as: UTF8.self)
            guard let index = listed.firstIndex(where: { Array($0.utf8) == name.bytes }) else {
                throw Finding("\(text) is not in the list")
            }
            listed = listed[(index + 1)...]
        }
        let valid = names.filter { Grammar.isRepository($0.bytes) }
        let json = NameList.json(key: "repositories", valid)
        try expect(FuzzTarget.names(in: json.bytes) == valid, "\(json)")
    }

    private static func names(in json: [UInt8]) -> [ByteString]? {
        NameList.parse(json.span, key: "repositories").map { table in
            (0..<table.count).map { ByteString(copying: table[$0]) }
        }
    }

    /// Whatever is wrong, the body that says so is JSON and shows the text.
    static let errorBody = FuzzTarget("error-body") { bytes throws(Finding) in
        let text = ByteString(bytes)
        let body = ErrorBody(
            code: .denied,
            message: text,
            resource: ErrorBody.Resource(repository: text, action: "pull")
        )
        guard
            let object = try? JSONSerialization.jsonObject(with: Data(body.bytes.bytes)),
            let errors = (object as? [String: Any])?["errors"] as? [[String: Any]],
            let message = errors.first?["message"] as? String
        else { throw Finding("no JSON: \(shown(body.bytes.bytes))") }
        try expect(errors.count == 1, "more than one error")
        try expect(
            !body.bytes.bytes.contains { $0 < 0x20 || $0 == 0x7F },
            "a control byte: \(shown(body.bytes.bytes))"
        )
        if (try? UTF8Span(validating: bytes.span)) != nil {
            try expect(Array(message.utf8) == bytes, "the message is \(message)")
        }
    }
}
