// What every request to a registry must look like, whatever a client has sent.

/// Judges requests of the proxy's by rules R1, R4 and R7 (docs/wire-rules.md).
public enum UpstreamJudge {
    /// The fields that may reach the registry, as the proxy writes them.
    static let fields: Set = [
        "Host", "Accept", "Accept-Encoding", "User-Agent", "Content-Type", "Content-Length",
        "Transfer-Encoding", "Content-Range", "Range", "If-None-Match", "If-Match",
        "If-Modified-Since", "If-Range", "X-Forwarded-For", "X-Forwarded-Proto",
        "X-Forwarded-Host", "X-Request-Id",
    ]

    /// Lists, which may take several lines (RFC 9110 section 5.3).
    static let lists: Set = ["Accept-Encoding", "If-None-Match", "If-Match"]

    /// Everything that is not as it must be.
    public static func problems(of request: UpstreamRequest, on port: Int) -> [String] {
        var problems: [String] = []
        let head = request.head
        if head.startLine.wholeMatch(of: #/[A-Z]+ /[!-~]* HTTP/1\.1/#) == nil {
            problems.append("the line \(head.startLine)")
        }
        if head.values("Host") != ["127.0.0.1:\(port)"] {
            problems.append("the hosts \(head.values("Host"))")
        }
        if head["Content-Length"] != nil && head["Transfer-Encoding"] != nil {
            problems.append("two body lengths")
        }
        if let coding = head["Transfer-Encoding"], coding != "chunked" {
            problems.append("the coding \(coding)")
        }
        for field in head.fields {
            if !fields.contains(field.name) { problems.append("the field \(field.name)") }
            if !lists.contains(field.name) && head.values(field.name).count > 1 {
                problems.append("\(field.name) twice")
            }
            let isPlain = field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
            if !isPlain || field.value.hasSuffix(" ") { problems.append("the value \(field)") }
        }
        return problems
    }
}
