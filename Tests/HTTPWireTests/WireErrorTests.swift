import HTTPWire
import Testing

@Suite struct WireErrorTests {
    @Test("every rule has a reason of its own")
    func reasons() {
        let reasons = WireError.allCases.map { "\($0.reason)" }
        #expect(Set(reasons).count == reasons.count)
        #expect(
            reasons.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } })
    }

    @Test("a broken rule is answered with 400, but for sizes, versions and expectations")
    func statuses() {
        for error in WireError.allCases {
            let status =
                switch error {
                case .requestLineTooLong: 414
                case .sectionTooLong, .tooManyFields, .acceptTooLong, .trailerTooLong: 431
                case .expectationUnsupported: 417
                case .versionUnsupported: 505
                default: 400
                }
            #expect(error.status == status)
        }
    }
}
