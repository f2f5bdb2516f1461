/// `text` for a message on a terminal: control characters and line separators escaped, and cut at
/// `limit` characters, so that nothing in a file can forge a second message or hide the first.
public func printable(_ text: String, cutAt limit: Int = 64) -> String {
    var shown = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == limit { return shown + "…" }
        if scalar.isPrintable {
            shown.unicodeScalars.append(scalar)
        } else {
            shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
        }
    }
    return shown
}

/// The same between double quotes.
public func quoted(_ text: String, cutAt limit: Int = 64) -> String {
    "\"\(printable(text, cutAt: limit))\""
}

/// The same of bytes that are perhaps no UTF-8.
public func quoted(_ text: ByteString, cutAt limit: Int = 64) -> String {
    quoted(text.description, cutAt: limit)
}

extension Unicode.Scalar {
    /// Whether a terminal shows it, and it changes nothing around it.
    public var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
            false
        default: true
        }
    }
}
