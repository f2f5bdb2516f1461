// What a browser is told about pages of other origins.

import TestSupport
import Testing

@Suite(.ownThreads) struct CORSTests {
    static let listed = "https://ui.example:8443"

    private func withProxy(_ body: (ProxyProcess, RecordingUpstream) throws -> Void) throws {
        let upstream = try RecordingUpstream { exchange in
            try exchange.readBody()
            try exchange.answer(
                "200 OK",
                [
                    "Content-Type: application/json", "Access-Control-Allow-Origin: *",
                    "Access-Control-Allow-Credentials: true", "Access-Control-Max-Age: 9",
                ],
                body: "{}"
            )
        }
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.more = ["cors: { origins: [\"\(Self.listed)\", \"http://other.example:80\"] }"]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy, upstream)
    }

    private func crossOriginFields(_ answer: Response) -> [String: String] {
        let fields = answer.head.fields.filter { $0.name.hasPrefix("Access-Control") }
        return Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { "\($0)+\($1)" })
    }

    @Test("a preflight of a listed origin is told the methods and the fields, without a login")
    func preflight() throws {
        try withProxy { proxy, upstream in
            let answer = try proxy.request(
                "OPTIONS", "/v2/team-a/x/manifests/v1", as: nil,
                [
                    "Origin: \(Self.listed)", "Access-Control-Request-Method: DELETE",
                    "Access-Control-Request-Headers: authorization",
                ])
            #expect(answer.status == 204)
            let fields = crossOriginFields(answer)
            #expect(fields["Access-Control-Allow-Origin"] == Self.listed)
            #expect(fields["Access-Control-Allow-Credentials"] == "true")
            #expect(fields["Access-Control-Allow-Methods"] == answer["Allow"])
            #expect(fields["Access-Control-Allow-Methods"]?.contains("DELETE") == true)
            #expect(fields["Access-Control-Allow-Headers"]?.contains("Authorization") == true)
            #expect(fields["Access-Control-Max-Age"] == "600")
            #expect(answer["Vary"] == "Origin")
            #expect(upstream.requests.isEmpty)
        }
    }

    @Test("answers of every kind may be read by a page of a listed origin")
    func answers() throws {
        try withProxy { proxy, _ in
            for origin in [Self.listed, "http://other.example"] {
                for (target, user, status) in [
                    ("/v2/", nil, 401), ("/v2/", TestUser.alice, 200),
                    ("/v2/team-b/x/manifests/v1", .alice, 403), ("/v2/nope", .alice, 404),
                    ("/v2/team-a/x/manifests/v1", .alice, 200), ("/", nil, 200),
                ] {
                    let answer = try proxy.request("GET", target, as: user, ["Origin: \(origin)"])
                    #expect(answer.status == status, "\(target)")
                    let fields = crossOriginFields(answer)
                    #expect(fields["Access-Control-Allow-Origin"] == origin, "\(target)")
                    #expect(fields["Access-Control-Allow-Credentials"] == "true")
                    let exposed = fields["Access-Control-Expose-Headers"] ?? ""
                    #expect(exposed.contains("Docker-Content-Digest") && exposed.contains("Link"))
                    #expect(fields.count == 3, "\(fields)")
                }
            }
        }
    }

    @Test(
        "other origins get nothing, and the registry's word on it never passes",
        arguments: [
            [], ["Origin: https://ui.example"], ["Origin: http://ui.example:8443"],
            ["Origin: https://UI.example:8443"], ["Origin: null"], ["Origin: *"],
            ["Origin: https://ui.example:8443/"], ["Origin: https://ui.example:8443.evil.example"],
            ["Origin: \(listed)", "Origin: \(listed)"],
        ]
    )
    func others(fields: [String]) throws {
        try withProxy { proxy, _ in
            for target in ["/v2/", "/v2/team-a/x/manifests/v1"] {
                for method in ["GET", "OPTIONS"] {
                    let answer = try proxy.request(method, target, as: .alice, fields)
                    #expect(crossOriginFields(answer).isEmpty)
                    #expect(answer["Vary"] == "Origin")
                }
            }
        }
    }
}
