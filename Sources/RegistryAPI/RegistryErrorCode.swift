/// What went wrong, in the words of the distribution specification ("Error Codes") and of CNCF
/// Distribution, which adds the last ones. `BAD_REQUEST` is ours: neither has a word for it.
public enum RegistryErrorCode: Sendable, Hashable, CaseIterable {
    case badRequest
    case blobUnknown
    case blobUploadInvalid
    case blobUploadUnknown
    case denied
    case digestInvalid
    case manifestInvalid
    case manifestUnknown
    case nameInvalid
    case nameUnknown
    case paginationNumberInvalid
    case rangeInvalid
    case sizeInvalid
    case tagInvalid
    case tooManyRequests
    case unauthorized
    case unavailable
    case unknown
    case unsupported

    /// The code as it stands in an error body.
    public var text: StaticString {
        switch self {
        case .badRequest: "BAD_REQUEST"
        case .blobUnknown: "BLOB_UNKNOWN"
        case .blobUploadInvalid: "BLOB_UPLOAD_INVALID"
        case .blobUploadUnknown: "BLOB_UPLOAD_UNKNOWN"
        case .denied: "DENIED"
        case .digestInvalid: "DIGEST_INVALID"
        case .manifestInvalid: "MANIFEST_INVALID"
        case .manifestUnknown: "MANIFEST_UNKNOWN"
        case .nameInvalid: "NAME_INVALID"
        case .nameUnknown: "NAME_UNKNOWN"
        case .paginationNumberInvalid: "PAGINATION_NUMBER_INVALID"
        case .rangeInvalid: "RANGE_INVALID"
        case .sizeInvalid: "SIZE_INVALID"
        case .tagInvalid: "TAG_INVALID"
        case .tooManyRequests: "TOOMANYREQUESTS"
        case .unauthorized: "UNAUTHORIZED"
        case .unavailable: "UNAVAILABLE"
        case .unknown: "UNKNOWN"
        case .unsupported: "UNSUPPORTED"
        }
    }
}
