/// A JSON object under construction, for what commands print; its keys stay in their order.
struct JSONObject {
    private var members: [String] = []

    var text: String { "{\(members.joined(separator: ","))}" }

    func adding(_ key: String, raw value: String) -> JSONObject {
        var copy = self
        copy.members.append("\(jsonText(key)):\(value)")
        return copy
    }

    func adding(_ key: String, _ value: String?) -> JSONObject {
        adding(key, raw: value.map(jsonText) ?? "null")
    }

    /// Without a value not even the key is there.
    func adding(_ key: String, ifThere value: String?) -> JSONObject {
        value.map { adding(key, raw: jsonText($0)) } ?? self
    }

    func adding(_ key: String, _ values: [String]) -> JSONObject {
        adding(key, raw: "[\(values.map(jsonText).joined(separator: ","))]")
    }

    func adding(_ key: String, number: Int) -> JSONObject { adding(key, raw: "\(number)") }

    func adding(_ key: String, flag: Bool) -> JSONObject { adding(key, raw: "\(flag)") }

    func adding(_ key: String, object: JSONObject?) -> JSONObject {
        adding(key, raw: object?.text ?? "null")
    }

    func adding(_ key: String, objects: [JSONObject]) -> JSONObject {
        adding(key, raw: "[\(objects.map(\.text).joined(separator: ","))]")
    }
}

/// A JSON string (RFC 8259 section 7).
func jsonText(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": shown += "\\\""
        case "\\": shown += "\\\\"
        case "\u{0}"..<"\u{20}":
            let digits = String(scalar.value, radix: 16)
            shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return shown + "\""
}
