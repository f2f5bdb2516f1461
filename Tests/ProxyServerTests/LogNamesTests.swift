import AccessControl
import Bytes
import HTTPWire
import Logbook
import RegistryAPI
import Testing

@testable import ProxyServer

@Suite struct LogNamesTests {
    @Test(
        "each request is logged under the operation of the product contract",
        arguments: [
            (HTTPWire.Method.get, "/v2/", "base"), (.get, "/", "health"),
            (.get, "/healthz", "health"),
            (.options, "/v2/", "options"), (.get, "/v2/_catalog", "catalog"),
            (.get, "/v1/_ping", "search"), (.get, "/v1/search?q=a", "search"),
            (.get, "/v2/a/b/tags/list", "tags"), (.get, "/v2/a/referrers/\(digest)", "referrers"),
            (.get, "/v2/a/manifests/v1", "manifest.get"),
            (.head, "/v2/a/manifests/v1", "manifest.head"),
            (.put, "/v2/a/manifests/v1", "manifest.put"),
            (.delete, "/v2/a/manifests/\(digest)", "manifest.delete"),
            (.get, "/v2/a/blobs/\(digest)", "blob.get"),
            (.head, "/v2/a/blobs/\(digest)", "blob.head"),
            (.delete, "/v2/a/blobs/\(digest)", "blob.delete"),
            (.post, "/v2/a/blobs/uploads/", "upload.start"),
            (.post, "/v2/a/blobs/uploads/?mount=\(digest)&from=b", "upload.mount"),
            (.get, "/v2/a/blobs/uploads/x", "upload.status"),
            (.patch, "/v2/a/blobs/uploads/x", "upload.patch"),
            (.put, "/v2/a/blobs/uploads/x?digest=\(digest)", "upload.put"),
            (.delete, "/v2/a/blobs/uploads/x", "upload.cancel"),
        ]
    )
    func operation(method: HTTPWire.Method, target: String, name: String) throws {
        let bytes = Array(target.utf8)
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
        let operation = try RegistryOperation.route(
            method: method,
            head: bytes.span,
            path: Place(0, mark),
            query: mark < bytes.count ? Place(mark + 1, bytes.count) : nil
        )
        #expect(operation.logName.text.description == name)
    }

    @Test func eachWayToLogInHasTheNameOfTheLog() {
        let names: [(Identity.Provider, AccessRecord.Login)] = [
            (.htpasswd, .htpasswd), (.ldap, .ldap), (.certificate, .certificate), (.token, .token),
        ]
        for (provider, login) in names { #expect(provider.logName == login) }
    }
}
