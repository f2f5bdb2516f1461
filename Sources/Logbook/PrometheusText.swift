/// Writes the Prometheus text exposition format, version 0.0.4
/// (prometheus.io/docs/instrumenting/exposition_formats).
struct PrometheusText {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var bytes: [UInt8] = []

    /// Begins a metric: all its samples must follow, and no other's.
    ///
    /// - Parameter help: one line without backslash.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        append("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }

    mutating func sample(
        _ name: String,
        _ labels: [(name: String, value: String)] = [],
        _ value: String
    ) {
        append(name)
        var separator = "{"
        for label in labels {
            append("\(separator)\(label.name)=\"\(Self.escaped(label.value))\"")
            separator = ","
        }
        if !labels.isEmpty { append("}") }
        append(" \(value)\n")
    }

    mutating func sample(
        _ name: String,
        _ labels: [(name: String, value: String)] = [],
        _ value: Int
    ) {
        sample(name, labels, String(value))
    }

    /// A metric of one sample.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: String) {
        begin(name, kind, help)
        sample(name, [], value)
    }

    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Int?) {
        if let value { single(name, kind, help, String(value)) }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// `\`, `"` and the line feed are what a label value must not hold as they are.
    static func escaped(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// `units` / `perOne` as a decimal number without needless zeros; `perOne` is a power of ten.
    static func decimal(_ units: Int, per perOne: Int) -> String {
        var text = String(units / perOne)
        var rest = units % perOne
        guard rest > 0 else { return text }
        text += "."
        var unit = perOne / 10
        while rest > 0 {
            text += String(rest / unit)
            rest %= unit
            unit /= 10
        }
        return text
    }
}
