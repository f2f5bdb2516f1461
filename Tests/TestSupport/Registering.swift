// Blobs and manifests pushed by hand, request by request.

import Foundation

/// The error codes of an OCI error body, and its messages.
public struct RegistryErrors: Equatable {
    public let codes: [String]
    public let messages: [String]

    /// `nil` when the answer's body is not an OCI error body with a media type to match.
    public init?(_ response: Response) {
        guard response["Content-Type"]?.hasPrefix("application/json") == true,
            let parsed = try? JSONSerialization.jsonObject(with: Data(response.body)),
            let object = parsed as? [String: Any],
            let errors = object["errors"] as? [[String: Any]], !errors.isEmpty
        else { return nil }
        codes = errors.compactMap { $0["code"] as? String }
        messages = errors.compactMap { $0["message"] as? String }
    }
}

extension Response {
    /// The one error code of an OCI error body.
    public var errorCode: String? {
        guard let errors = RegistryErrors(self), errors.codes.count == 1 else { return nil }
        return errors.codes[0]
    }

    /// The one message of an OCI error body.
    public var errorMessage: String { RegistryErrors(self)?.messages.first ?? "" }

    /// A list of strings in a JSON object.
    public func list(_ key: String) -> [String]? {
        let parsed = try? JSONSerialization.jsonObject(with: Data(body))
        return (parsed as? [String: Any])?[key] as? [String]
    }
}

extension RawClient {
    /// Opens an upload session.
    ///
    /// - Returns: the path and query of the session.
    public func startUpload(_ repository: String, as user: TestUser? = nil) throws -> String {
        let answer = try request("POST", "/v2/\(repository)/blobs/uploads/", as: user)
        guard answer.status == 202, let location = answer["Location"] else {
            throw MessageError.malformed("POST uploads: \(answer.status) \(answer.text)")
        }
        guard let path = location.firstRange(of: "/v2/") else { return location }
        return String(location[path.lowerBound...])
    }

    /// Pushes a blob: POST, then one PUT.
    ///
    /// - Returns: its digest.
    @discardableResult
    public func pushBlob(
        _ bytes: [UInt8],
        to repository: String,
        as user: TestUser? = nil
    ) throws -> String {
        let digest = try digest(of: bytes)
        let session = try startUpload(repository, as: user)
        let separator = session.contains("?") ? "&" : "?"
        let answer = try request(
            "PUT",
            "\(session)\(separator)digest=\(digest)",
            as: user,
            ["Content-Type: application/octet-stream"],
            body: bytes
        )
        guard answer.status == 201 else {
            throw MessageError.malformed("PUT upload: \(answer.status) \(answer.text)")
        }
        return digest
    }

    /// Puts a manifest at a tag or digest.
    public func putManifest(
        _ manifest: Manifest,
        at reference: String,
        of repository: String,
        as user: TestUser? = nil
    ) throws -> Response {
        try request(
            "PUT",
            "/v2/\(repository)/manifests/\(reference)",
            as: user,
            ["Content-Type: \(Manifest.mediaType)"],
            body: manifest.bytes
        )
    }

    /// Pushes a whole image of one layer.
    @discardableResult
    public func pushImage(
        _ text: String,
        to repository: String,
        tag: String,
        as user: TestUser? = nil
    ) throws -> Manifest {
        let config = Array(#"{"architecture":"amd64","os":"linux"}"#.utf8)
        let layer = Array(text.utf8)
        try pushBlob(config, to: repository, as: user)
        try pushBlob(layer, to: repository, as: user)
        let manifest = try Manifest(config: config, layers: [layer])
        let answer = try putManifest(manifest, at: tag, of: repository, as: user)
        guard answer.status == 201 else {
            throw MessageError.malformed("PUT manifest: \(answer.status) \(answer.text)")
        }
        return manifest
    }
}

/// An OCI image manifest.
public struct Manifest: Sendable {
    public static let mediaType = "application/vnd.oci.image.manifest.v1+json"

    public let bytes: [UInt8]
    public let digest: String
    public let layers: [String]

    public init(config: [UInt8], layers: [[UInt8]]) throws {
        let described = try layers.map { try Self.describe($0, "layer.v1.tar") }
        let text = """
            {"schemaVersion":2,"mediaType":"\(Self.mediaType)",\
            "config":\(try Self.describe(config, "config.v1+json")),\
            "layers":[\(described.joined(separator: ","))]}
            """
        bytes = Array(text.utf8)
        digest = try TestSupport.digest(of: bytes)
        self.layers = try layers.map { try TestSupport.digest(of: $0) }
    }

    private static func describe(_ bytes: [UInt8], _ type: String) throws -> String {
        let digest = try TestSupport.digest(of: bytes)
        return """
            {"mediaType":"application/vnd.oci.image.\(type)",\
            "size":\(bytes.count),"digest":"\(digest)"}
            """
    }
}

/// The layouts that `Tests/tools/images.py` makes, once for each run of the tests.
public enum TestImages {
    public static let directory: TemporaryDirectory? = {
        guard let directory = try? TemporaryDirectory("images") else { return nil }
        let made = try? Command.run(["python3", "\(Project.tools)/images.py", directory.path])
        return made?.status == 0 ? directory : nil
    }()
}
