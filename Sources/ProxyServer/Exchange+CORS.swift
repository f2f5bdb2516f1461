import Bytes
import HTTPWire
import NetIO
import RegistryAPI

/// Pages of other origins: a browser lets them read answers only with these fields (WHATWG Fetch,
/// "CORS protocol"). They are for the origins that the operator has listed and for nobody else;
/// what the registry says about the matter does not cross.
extension Exchange {
    /// To every answer. A login of the browser's may go with the request, so the origin is named,
    /// never `*`.
    func appendCORSFields(to out: Buffer) {
        guard !settings.corsOrigins.isEmpty else { return }
        // Two origins must not get each other's answer from a cache.
        out.append("Vary: Origin\r\n")
        guard let headBytes, let place = listedOrigin else { return }
        out.append(field: "Access-Control-Allow-Origin", headBytes.bytes.extracting(place))
        out.append("Access-Control-Allow-Credentials: true\r\n")
        out.append(
            """
            Access-Control-Expose-Headers: Content-Range, Docker-Content-Digest, \
            Docker-Distribution-Api-Version, Docker-Upload-UUID, ETag, Link, Location, \
            OCI-Filters-Applied, OCI-Subject, Range, Retry-After, Warning, WWW-Authenticate, \
            X-Request-Id\r\n
            """
        )
    }

    /// To the answer of a preflight request: which methods and fields may be sent.
    func appendPreflightFields(allowing methods: StaticString, to out: Buffer) {
        guard listedOrigin != nil else { return }
        out.append("Access-Control-Allow-Methods: ")
        out.append(methods)
        out.append(
            """
            \r\nAccess-Control-Allow-Headers: Accept, Authorization, Cache-Control, Content-Range, \
            Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, Range\r\n\
            Access-Control-Max-Age: 600\r\n
            """
        )
    }

    /// Where the one `Origin` stands, if it is a listed one.
    private var listedOrigin: Place? {
        guard let headBytes, let place = head.fields.first(.origin),
            head.fields.lines.filter({ $0.field == .origin }).count == 1
        else { return nil }
        let origin = headBytes.bytes.extracting(place)
        let isListed = settings.corsOrigins.contains { origin.elementsEqual($0.span) }
        return isListed ? place : nil
    }
}
