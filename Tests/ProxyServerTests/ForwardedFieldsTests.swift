import HTTPWire
import Testing

@testable import NetIO
@testable import ProxyServer

/// Which fields cross the proxy (rules R7 and R8): every name that it knows is sent both ways.
@Suite struct ForwardedFieldsTests {
    /// Those that would not be a plain message any more.
    private static let framing: Set<FieldName> = [
        .host, .connection, .transferEncoding, .contentLength, .expect,
    ]

    private static var plainLines: [String] {
        FieldName.allCases
            .filter { !framing.contains($0) && $0.canonical.utf8CodeUnitCount > 0 }
            .map { "\($0.canonical): v-\($0)" }
    }

    @Test func fromTheClientToTheRegistryGoesTheListOfR7() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        // A login that is sent is checked, and none is configured here.
        let lines = Self.plainLines.filter { !$0.hasPrefix("Authorization") }
        try client.send(
            "GET \(blobPath) HTTP/1.1\r\nHost: proxy.example\r\n"
                + (lines + ["X-Other: 1", "OCI-Filter: 2", "Accept: second"])
                .joined(separator: "\r\n") + "\r\n\r\n"
        )
        let head = try registry.receiveHead()
        #expect(head.hasPrefix("GET \(blobPath) HTTP/1.1\r\n"))
        #expect(
            head.fieldLines == [
                "host: registry.internal:5000", "accept: v-accept, second",
                "accept-encoding: v-acceptencoding", "user-agent: v-useragent",
                "content-range: v-contentrange", "range: v-range", "if-none-match: v-ifnonematch",
                "if-match: v-ifmatch", "if-modified-since: v-ifmodifiedsince",
                "if-range: v-ifrange", "x-forwarded-for: 192.0.2.7", "x-forwarded-proto: http",
                "x-forwarded-host: proxy.example",
            ]
        )
    }

    @Test func fromTheRegistryToTheClientGoesTheListOfR8() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy.example\r\n\r\n")
        _ = try registry.receiveHead()
        try registry.send(
            "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n"
                + (Self.plainLines + [
                    "X-Powered-By: x", "OCI-Subject: s", "Docker-Upload-UUID: u",
                    "Docker-Distribution-Api-Version: theirs",
                ])
                .joined(separator: "\r\n") + "\r\n\r\n"
        )
        let head = try client.receiveHead()
        #expect(head.hasPrefix("HTTP/1.1 200 Fine\r\n"))
        #expect(
            head.fieldLines == [
                "content-type: v-contenttype", "content-range: v-contentrange",
                "content-encoding: v-contentencoding",
                "content-disposition: v-contentdisposition", "etag: v-etag", "range: v-range",
                "accept-ranges: v-acceptranges", "cache-control: v-cachecontrol",
                "last-modified: v-lastmodified", "retry-after: v-retryafter",
                "warning: v-warning", "vary: v-vary", "date: v-date", "location: v-location",
                "link: v-link", "oci-subject: s", "docker-upload-uuid: u",
                "docker-distribution-api-version: registry/2.0", "content-length: 0",
            ]
        )
    }

    @Test func whatConnectionNamesDoesNotCross() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(
            "GET \(blobPath) HTTP/1.1\r\nHost: p\r\nConnection: range, x-a\r\nRange: bytes=0-1\r\n"
                + "User-Agent: t\r\nX-A: 1\r\n\r\n"
        )
        let up = try registry.receiveHead().fieldLines
        #expect(!up.contains { $0.hasPrefix("range") || $0.hasPrefix("x-a") })
        #expect(up.contains("user-agent: t"))
        try registry.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: etag\r\nETag: \"e\"\r\n\r\n"
        )
        #expect(!(try client.receiveHead().fieldLines.contains { $0.hasPrefix("etag") }))
    }

    @Test func acceptIsNamedByConnectionLikeAnyOther() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(
            "GET \(blobPath) HTTP/1.1\r\nHost: p\r\nConnection: accept\r\nAccept: a/b\r\n\r\n"
        )
        let lines = try registry.receiveHead().fieldLines
        #expect(!lines.contains { $0.hasPrefix("accept:") })
    }

    @Test(
        "a Location at the registry or here becomes a path, any other stays",
        arguments: [
            ("http://registry.internal:5000/v2/x?_state=a%2Fb", "/v2/x?_state=a%2Fb"),
            ("https://Proxy.Example/v2/x", "/v2/x"), ("/v2/x", "/v2/x"),
            ("https://storage.example/v2/x", "https://storage.example/v2/x"),
        ]
    )
    func location(sent: String, seen: String) async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(
            "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: proxy.example\r\nContent-Length: 0\r\n\r\n"
        )
        _ = try registry.receiveHead()
        try registry.send(
            "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nLocation: \(sent)\r\n\r\n"
        )
        #expect(try client.receiveHead().contains("\r\nLocation: \(seen)\r\n"))
    }

    /// The registry reads mount and digest from a form, too.
    @Test func anUploadIsAlwaysOpaqueBytes() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(
            "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: p\r\nContent-Length: 3\r\n"
                + "Content-Type: application/x-www-form-urlencoded\r\n\r\na=b"
        )
        let lines = try registry.receiveHead().fieldLines
        #expect(
            lines.filter { $0.hasPrefix("content-") }.sorted() == [
                "content-length: 3", "content-type: application/octet-stream",
            ]
        )
        #expect(try registry.receiveText(3) == "a=b")
    }
}
