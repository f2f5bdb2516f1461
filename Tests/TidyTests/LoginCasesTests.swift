// The list of hostile logins names tests that exist, and leaves no number out.

import Foundation
import Testing

@Suite struct LoginCasesTests {
    private static let page = "Tests/LOGIN-CASES.md"

    @Test("every number stands on the page once")
    func numbers() throws {
        let text = try SourceTree.text(Self.page)
        var found: [String: Int] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| ") {
            let cell = line.dropFirst(2).prefix { $0 != "|" }
            for number in cell.split(separator: " ") { found[String(number), default: 0] += 1 }
        }
        let wanted =
            (1...62).map { String(format: "LD%02d", $0) }
            + (1...25).map { String(format: "HP%02d", $0) }
        for number in wanted { #expect(found[number] == 1, "\(number)") }
    }

    @Test("every test that the page names is there")
    func tests() throws {
        let text = try SourceTree.text(Self.page)
        var count = 0
        for line in text.split(separator: "\n") where line.hasPrefix("| ") {
            guard let cell = line.split(separator: "|").last, cell.contains("`") else { continue }
            for name in cell.split(separator: ";") {
                guard let match = name.firstMatch(of: #/`(\w+)` (.+?)\s*$/#) else { continue }
                let isThere = SourceTree.tests.contains { file in
                    file.lines.contains { $0.contains("struct \(match.1) ") }
                        && file.lines.contains { $0.contains("\"\(match.2)") }
                }
                #expect(isThere, "\(match.0)")
                count += 1
            }
        }
        #expect(count > 60)
    }
}
