// Every case of Tests/Corpus against the built program.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct CorpusTests {
    @Test("what a client sends", arguments: Corpus.files("requests"))
    func requests(file: String) throws {
        let stage = try CorpusStage()
        defer { stage.stop() }
        let cases = try Corpus.cases(file, CorpusStage.words)
        #expect(!cases.isEmpty)
        for each in cases { stage.play(each) }
        try stage.checkEverything(after: cases)
    }

    @Test("what a registry answers", arguments: Corpus.files("answers"))
    func answers(file: String) throws {
        let stage = try CorpusStage()
        defer { stage.stop() }
        let cases = try Corpus.cases(file, CorpusStage.words)
        #expect(!cases.isEmpty)
        for each in cases { stage.play(each) }
        try stage.checkEverything(after: cases)
    }

    @Test("every case has a source, a verdict and a name of its own")
    func shape() throws {
        var count = 0
        for file in Corpus.files("requests") + Corpus.files("answers") {
            let cases = try Corpus.cases(file, CorpusStage.words)
            count += cases.count
            #expect(Set(cases.map(\.name)).count == cases.count, "\(file): a name twice")
            for each in cases {
                #expect(!each.sources.isEmpty, "\(each)")
                #expect(!each.answers.isEmpty, "\(each)")
            }
        }
        #expect(count >= 400)
    }
}
