import Testing

@testable import ProxyConfig

/// Reads `text` as the file `p.yaml`.
func report(_ text: String) -> ConfigurationReport {
    ConfigurationReader.read(Array(text.utf8), file: "p.yaml")
}

/// The error lines of `text`.
func errors(_ text: String) -> [String] { report(text).errors.map(\.description) }

/// Complete, and right: more keys can be put below it.
let base = """
    listen:
      - address: 127.0.0.1:8080
    upstream:
      url: http://127.0.0.1:5000

    """

/// A file and every line that must be said about it.
struct Refused: Sendable, CustomTestStringConvertible {
    let text: String
    let lines: [String]

    init(_ text: String, _ lines: String...) {
        self.text = text
        self.lines = lines.map { "p.yaml:" + $0 }
    }

    var testDescription: String { lines.first ?? text }
}
