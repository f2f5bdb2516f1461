public import Bytes

/// The body of an answer of our own: `{"errors":[{"code":…,"message":…,"detail":…}]}` (distribution
/// specification, "Error Codes"). Valid JSON in ASCII and UTF-8 whatever bytes the message holds.
public struct ErrorBody: Sendable, Hashable {
    public let bytes: ByteString

    /// Which repository and action a denial was about, as CNCF Distribution writes it.
    public struct Resource: Sendable, Hashable {
        public let repository: ByteString
        /// `pull`, `push` or `delete`: the words that clients know.
        public let action: ByteString

        public init(repository: ByteString, action: ByteString) {
            self.repository = repository
            self.action = action
        }
    }

    public init(code: RegistryErrorCode, message: ByteString, resource: Resource? = nil) {
        var text: [UInt8] = []
        text.reserveCapacity(160 + message.count)
        text.append(json: "{\"errors\":[{\"code\":\"")
        text.append(json: code.text)
        text.append(json: "\",\"message\":")
        text.append(jsonString: message.span)
        if let resource {
            text.append(json: ",\"detail\":[{\"Type\":\"repository\",\"Name\":")
            text.append(jsonString: resource.repository.span)
            text.append(json: ",\"Action\":")
            text.append(jsonString: resource.action.span)
            text.append(json: "}]")
        }
        text.append(json: "}]}")
        bytes = ByteString(text)
    }

    public init(code: RegistryErrorCode, message: StaticString) {
        self.init(code: code, message: ByteString(message.description))
    }
}
