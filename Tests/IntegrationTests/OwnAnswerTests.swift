// What the proxy answers itself, whatever the upstream is up to.

import TestSupport
import Testing

@Suite(.ownThreads) struct OwnAnswerTests {
    /// Nobody listens there: an answer of the proxy's own does not need the upstream.
    static let deadUpstream = "http://127.0.0.1:1"

    private func withProxy(_ body: (ProxyProcess) throws -> Void) throws {
        let proxy = try ProxyProcess(upstream: Self.deadUpstream)
        defer { proxy.stop() }
        try body(proxy)
    }

    @Test("/v2/ asks for a login, and is then 200 with the registry's version")
    func base() throws {
        try withProxy { proxy in
            for target in ["/v2/", "/v2"] {
                for method in ["GET", "HEAD"] {
                    let refused = try proxy.request(method, target)
                    #expect(refused.status == 401)
                    let challenge = refused["WWW-Authenticate"] ?? ""
                    let endpoint = "http://127.0.0.1:\(proxy.plainPort)/auth/token"
                    #expect(challenge.hasPrefix("Bearer realm=\"\(endpoint)\""), "\(challenge)")
                    #expect(refused["Docker-Distribution-Api-Version"] == "registry/2.0")
                    let answer = try proxy.request(method, target, as: .alice)
                    #expect(answer.status == 200)
                    #expect(answer["Docker-Distribution-Api-Version"] == "registry/2.0")
                    #expect(answer.text == (method == "GET" ? "{}" : ""))
                }
            }
        }
    }

    @Test("/ and /healthz are 200 and empty, for anybody")
    func health() throws {
        try withProxy { proxy in
            for target in ["/", "/healthz"] {
                for method in ["GET", "HEAD"] {
                    let answer = try proxy.request(method, target)
                    #expect(answer.status == 200)
                    #expect(answer.body.isEmpty)
                }
            }
        }
    }

    @Test("OPTIONS on a known route is 204 with Allow, and no CORS field")
    func options() throws {
        try withProxy { proxy in
            let fields = ["Origin: https://ui.example"]
            let target = "/v2/team-a/x/manifests/v1"
            let answer = try proxy.request("OPTIONS", target, as: nil, fields)
            #expect(answer.status == 204)
            let allowed = answer["Allow"] ?? ""
            for method in ["GET", "HEAD", "PUT", "DELETE"] { #expect(allowed.contains(method)) }
            #expect(answer.head.fields.allSatisfy { !$0.name.hasPrefix("Access-Control") })
        }
    }

    @Test(
        "what is no registry route is 404 UNSUPPORTED, with and without a login",
        arguments: [
            "/v2/team-a", "/v2/team-a/x", "/v2/team-a/x/manifests", "/v2/team-a/x/tags",
            "/v2/team-a/x/tags/list/", "/v2/_catalog/", "/v2/_other", "/v1/", "/debug/vars",
            "/metrics", "/readyz", "/index.html", "/v2/team-a/x/blobs", "/v3/",
        ]
    )
    func unknownRoute(target: String) throws {
        try withProxy { proxy in
            for user in [TestUser.alice, nil] {
                let answer = try proxy.request("GET", target, as: user)
                #expect(answer.status == 404, "\(target)")
                #expect(answer.errorCode == "UNSUPPORTED")
            }
        }
    }

    @Test(
        "a known route with another method is 405 UNSUPPORTED with Allow",
        arguments: [
            ("POST", "/v2/team-a/x/manifests/v1"), ("PATCH", "/v2/team-a/x/manifests/v1"),
            ("PUT", "/v2/team-a/x/tags/list"), ("DELETE", "/v2/team-a/x/tags/list"),
            ("HEAD", "/v2/team-a/x/tags/list"), ("HEAD", "/v2/_catalog"), ("PUT", "/v2/_catalog"),
            ("POST", "/v2/"), ("GET", "/v2/team-a/x/blobs/uploads/"),
            ("TRACE", "/v2/team-a/x/manifests/v1"), ("get", "/v2/team-a/x/manifests/v1"),
        ]
    )
    func otherMethod(method: String, target: String) throws {
        try withProxy { proxy in
            let answer = try proxy.request(method, target, as: .alice)
            #expect(answer.status == 405, "\(method) \(target): \(answer.status)")
            #expect(answer.errorCode == (method == "HEAD" ? nil : "UNSUPPORTED"))
            #expect(answer["Allow"]?.isEmpty == false)
        }
    }

    static let outsideTheGrammar: [(String, String)] = [
        ("/v2/UPPER/manifests/v1", "NAME_INVALID"),
        ("/v2/a..b/manifests/v1", "NAME_INVALID"),
        ("/v2/-a/manifests/v1", "NAME_INVALID"),
        ("/v2/\(String(repeating: "a", count: 256))/manifests/v1", "NAME_INVALID"),
        ("/v2/team-a/x/manifests/.v1", "TAG_INVALID"),
        ("/v2/team-a/x/manifests/\(String(repeating: "t", count: 129))", "TAG_INVALID"),
        ("/v2/team-a/x/manifests/sha256:abc", "DIGEST_INVALID"),
        ("/v2/team-a/x/blobs/sha256:xyz", "DIGEST_INVALID"),
        ("/v2/_catalog?n=abc", "PAGINATION_NUMBER_INVALID"),
        ("/v2/_catalog?n=-1", "PAGINATION_NUMBER_INVALID"),
        ("/v2/team-a/x/tags/list?n=1234567890", "PAGINATION_NUMBER_INVALID"),
    ]

    @Test("what is outside its grammar is 400 with the code for it", arguments: outsideTheGrammar)
    func badGrammar(target: String, code: String) throws {
        try withProxy { proxy in
            let answer = try proxy.request("GET", target, as: .alice)
            #expect(answer.status == 400, "\(target)")
            #expect(answer.errorCode == code, "\(target): \(answer.text)")
        }
    }

    @Test("a dead upstream is 502 UNAVAILABLE, and the login still counts first")
    func deadUpstream() throws {
        try withProxy { proxy in
            let target = "/v2/team-a/x/manifests/v1"
            let answer = try proxy.request("GET", target, as: .alice)
            #expect(answer.status == 502)
            #expect(answer.errorCode == "UNAVAILABLE")
            #expect(try proxy.request("GET", target).status == 401)
            #expect(try proxy.request("GET", target, as: .bob).status == 403)
        }
    }

    @Test("every answer under /v2/ carries the version, an identifier and an exact length")
    func fieldsOfEveryAnswer() throws {
        try withProxy { proxy in
            let targets = [
                "/v2/", "/v2/nope", "/v2/team-a/x/manifests/v1", "/v2/team-b/x/manifests/v1",
                "/v2/UPPER/manifests/v1", "/v2/%41/manifests/v1",
            ]
            var ids: [String] = []
            for target in targets {
                let answer = try proxy.request("GET", target, as: .alice)
                #expect(answer["Docker-Distribution-Api-Version"] == "registry/2.0", "\(target)")
                #expect(answer["Content-Length"] == "\(answer.body.count)", "\(target)")
                let id = answer["X-Request-Id"] ?? ""
                #expect(id.count == 26, "\(target): \(id)")
                ids.append(id)
                #expect(answer["Server"] == nil)
            }
            #expect(Set(ids).count == ids.count, "\(ids)")
            // In the order of their milliseconds; within one, each loop has numbers of its own.
            let times = ids.map { $0.prefix(10) }
            #expect(times.sorted() == times, "\(ids)")
        }
    }

    @Test("HEAD never gets a body, also of an error")
    func headOfErrors() throws {
        try withProxy { proxy in
            let client = try proxy.connect()
            for user in [TestUser.alice, .bob, nil] {
                let target = "/v2/team-a/x/manifests/v1"
                let answer = try client.request("HEAD", target, as: user)
                #expect(answer.status >= 400)
                #expect(Int(answer["Content-Length"] ?? "") ?? 0 >= 0)
            }
            #expect(client.reader.unclaimed.isEmpty)
            #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
        }
    }

    @Test(
        "credentials that cannot be read are 401, two of them 400",
        arguments: [
            "Basic", "Basic !!!", "Basic YWxpY2U=", "Basic YWxpY2U6czNjcmV0OnBhIHNz=",
            "Bearer abc", "Digest username=alice", "basic", "Basic Og==", "Basic YWxpY2U6",
        ]
    )
    func unreadableCredentials(value: String) throws {
        try withProxy { proxy in
            let one = try proxy.request("GET", "/v2/", as: nil, ["Authorization: \(value)"])
            #expect(one.status == 401, "\(value): \(one.status)")
            #expect(one["WWW-Authenticate"] != nil)
            let two = ["Authorization: \(value)", "Authorization: \(TestUser.alice.authorization)"]
            #expect(try proxy.request("GET", "/v2/", as: nil, two).status == 400)
        }
    }
}
