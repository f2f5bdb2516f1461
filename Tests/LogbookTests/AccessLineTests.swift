import Bytes
import Foundation
import Testing

@testable import Logbook

@Suite struct AccessLineTests {
    static let start = #"{"ts":"2026-11-21T07:56:03.123456Z","id":"01KAJGZ0W30000000000000001""#

    @Test("a full record has every key in the order of the contract")
    func fullRecord() {
        let sample = SampleRequest.full
        let id = sample.record.id.description
        #expect(
            sample.text()
                == #"{"ts":"2026-11-21T07:56:03.123456Z","id":"\#(id)","client":"192.0.2.7","#
                + #""user":"alice","auth":"htpasswd","method":"PUT","#
                + #""path":"/v2/team-a/app/manifests/v1","operation":"manifest.put","#
                + #""repository":"team-a/app","reference":"v1","status":201,"outcome":"complete","#
                + #""decision":"allowed","rules":["team-a","extra"],"bytes_in":1024,"bytes_out":0,"#
                + #""first_byte_ms":12.34,"duration_ms":12.5,"upstream_ms":9,"#
                + #""user_agent":"skopeo/1.9.3","tls":"1.3","user_claimed":"mallory","#
                + #""query":"tag=v2&n=3&digest=sha256:ab","shadow":"denied"}"# + "\n"
        )
    }

    @Test("what is unknown has no key")
    func emptyRecord() {
        let sample = SampleRequest()
        let id = sample.record.id.description
        #expect(sample.text() == #"{"ts":"2026-11-21T07:56:03.123456Z","id":"\#(id)"}"# + "\n")
    }

    @Test("combined is what Apache and nginx write, with the user filled in")
    func combined() {
        #expect(
            SampleRequest.full.text(.combined)
                == "192.0.2.7 - alice [21/Nov/2026:07:56:03 +0000] "
                + #""PUT /v2/team-a/app/manifests/v1?tag=v2&n=3&digest=sha256:ab HTTP/1.1" "#
                + #"201 0 "-" "skopeo/1.9.3""# + "\n"
        )
        #expect(
            SampleRequest().text(.combined)
                == #"- - - [21/Nov/2026:07:56:03 +0000] "-" 0 0 "-" "-""# + "\n"
        )
    }

    @Test(
        "milliseconds have at most three decimals and no needless zero",
        arguments: [
            (0, "0"), (999, "0"), (1000, "0.001"), (1_010_000, "1.01"), (100_000, "0.1"),
            (1_000_000, "1"), (-5, "0"), (3_600_000_001_000, "3600000.001"),
        ] as [(Int64, String)]
    )
    func milliseconds(nanoseconds: Int64, text: String) {
        var sample = SampleRequest()
        sample.record.duration = nanoseconds
        #expect(sample.text().hasSuffix(",\"duration_ms\":\(text)}\n"))
    }

    @Test("every outcome is one word or a named deadline")
    func outcomes() throws {
        let names = AccessRecord.Deadline.allCases.map {
            AccessRecord.Outcome.timeout($0).text.description
        }
        #expect(
            names == [
                "timeout:request_head", "timeout:stall", "timeout:upstream_connect",
                "timeout:upstream_response", "timeout:manifest_body", "timeout:upstream_commit",
                "timeout:linger", "timeout:drain",
            ]
        )
        var sample = SampleRequest()
        sample.record.outcome = .timeout(.drain)
        #expect(try sample.object()["outcome"] as? String == "timeout:drain")
    }

    @Test("a path over 2,048 bytes is cut and marked, one of 2,048 is not")
    func longPath() throws {
        for count in [2048, 2049, 8192] {
            let path = [UInt8](repeating: 0x61, count: count)
            let object = try SampleRequest(path: [0x2F] + path.dropFirst()).object()
            #expect((object["path"] as? String)?.utf8.count == 2048)
            #expect(object["truncated"] as? Bool == (count > 2048 ? true : nil))
        }
    }

    @Test("a cut never splits a character")
    func cutBetweenCharacters() throws {
        for padding in 0..<4 {
            let path =
                "/" + String(repeating: "a", count: padding)
                + String(repeating: "\u{1F433}", count: 600)
            let sample = SampleRequest(path: Array(path.utf8))
            #expect(!sample.text().contains("\\u"))
            let shown = try unwrap(sample.object()["path"] as? String)
            #expect(path.hasPrefix(shown) && shown.utf8.count > 2044)
        }
    }

    @Test("only six keys of a query are shown, spelled exactly")
    func queryKeys() throws {
        let cases: [(String, String?)] = [
            (
                "n=1&last=b&mount=c&from=d&digest=e&tag=f",
                "n=1&last=b&mount=c&from=d&digest=e&tag=f"
            ),
            ("_state=secret&digest=x", "digest=x"), ("token=secret", nil), ("", nil), ("&&", nil),
            ("N=1&%6e=2&nn=3&=4", nil), ("n", "n"), ("n=", "n="), ("a&n=1&&n=2&b", "n=1&n=2"),
            ("n=1;password=x", "n=1;password=x"),
        ]
        for (query, shown) in cases {
            let object = try SampleRequest(query: Array(query.utf8)).object()
            #expect(object["query"] as? String == shown, "\(query)")
        }
    }

    @Test(
        "of a target that could not be read, query and user information are not shown",
        arguments: [
            ("/v2/?password=x", "/v2/"), ("/v2/#x?y", "/v2/"), ("http://u:p@host/v2/", "/v2/"),
            ("http://u:p/q@host/v2/", "/v2/"), ("u:p@host:443", ""), ("*", "*"),
            ("http://host/v2/?a=b@c", "/v2/"), ("/v2/a@b", "/v2/a@b"), ("", ""),
            ("http://u:phost/v2/", "/v2/"), ("http://u:p", ""), ("http:/u:p@host", ""),
        ]
    )
    func strangeTargets(target: String, shown: String) throws {
        let sample = SampleRequest(path: Array(target.utf8))
        #expect(try sample.object()["path"] as? String == shown)
    }

    @Test("too many rules are cut and marked")
    func manyRules() throws {
        var sample = SampleRequest()
        sample.record.rules = (0..<40).map { ByteString("rule-\($0)") }
        let object = try sample.object()
        #expect((object["rules"] as? [String])?.count == 16)
        #expect(object["truncated"] as? Bool == true)
    }

    @Test("the longest line of each format fits, and is nearly as long as promised for JSON")
    func longestLine() throws {
        let worst = [UInt8](repeating: 0x01, count: 40_000)
        var sample = SampleRequest(
            method: worst,
            path: [0x2F] + worst,
            query: Array("n=".utf8) + worst,
            userAgent: worst
        )
        let long = ByteString(worst)
        sample.record.client = long
        sample.record.user = long
        sample.record.login = .certificate
        sample.record.claimedUser = long
        sample.record.repository = long
        sample.record.reference = long
        sample.record.operation = .manifestDelete
        sample.record.rules = [ByteString](repeating: long, count: 100)
        sample.record.decision = .allowed
        sample.record.status = .max
        sample.record.outcome = .timeout(.upstreamResponse)
        sample.record.bytesIn = .max
        sample.record.bytesOut = .max
        sample.record.firstByte = .max
        sample.record.duration = .max
        sample.record.upstream = .max
        sample.record.tls = .tls12
        let line = sample.line()
        #expect(line.count <= AccessLineEncoder.maximumLineLength)
        #expect(line.count > AccessLineEncoder.maximumLineLength - 1024)
        #expect(try parse(line)["truncated"] as? Bool == true)
        #expect(sample.line(.combined).count <= AccessLineEncoder.maximumLineLength)
    }
}
