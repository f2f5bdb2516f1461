import Bytes

/// What a user's bind says.
enum BindOutcome: Sendable, Equatable {
    case accepted
    case refused(LoginRefusal)
    /// The server could not decide.
    case failed(LDAPError)

    /// - Parameter result: of the bind with the user's password.
    init(_ result: LDAPResult) {
        switch result.code {
        case ResultCode.success:
            self =
                result.policyError == LoginRefusal.changeAfterReset
                ? .refused(.mustChangePassword) : .accepted
        case 49: self = .refused(LoginRefusal(result))
        case 10: self = .refused(.referred)
        case 32: self = .refused(.noSuchEntry)
        case 34: self = .refused(.invalidName)
        case 48: self = .refused(.noPassword)
        case 53: self = .refused(LoginRefusal(result, otherwise: .unwilling))
        default:
            self = .failed(
                LDAPError(.bind, .result(code: result.code, diagnostic: result.diagnostic)))
        }
    }
}

/// Why the directory refused a login. For the log: the client learns only that it was wrong.
public enum LoginRefusal: String, Sendable, CaseIterable {
    case wrongPassword = "wrong password"
    case passwordExpired = "password expired"
    case mustChangePassword = "password must be changed"
    case locked = "account locked"
    case disabled = "account disabled"
    case accountExpired = "account expired"
    case wrongHours = "not at this hour"
    case wrongWorkstation = "not from this workstation"
    case referred = "the server refers to another"
    case noSuchEntry = "no such entry"
    case invalidName = "not a valid name"
    case noPassword = "the entry has no password"
    case unwilling = "the server is unwilling"
    case anonymous = "the server took the login for an anonymous one"
    case otherIdentity = "the server took the login for another entry's"
    case ambiguous = "several entries match"
    case namelessEntry = "the entry has no name"
    case badAttribute = "the entry has not exactly one usable user name"

    static let changeAfterReset: Int32 = 2

    /// Of a bind that failed with invalidCredentials, which servers use for more than that.
    init(_ result: LDAPResult, otherwise: LoginRefusal = .wrongPassword) {
        self =
            Self.policy(result.policyError) ?? Self.activeDirectory(result.diagnostic) ?? otherwise
    }

    /// draft-behera-ldap-password-policy section 6.2.
    private static func policy(_ error: Int32?) -> LoginRefusal? {
        switch error {
        case 0: .passwordExpired
        case 1: .locked
        case changeAfterReset: .mustChangePassword
        default: nil
        }
    }

    /// Active Directory puts a Windows error number, in hexadecimal, into the text:
    /// `… AcceptSecurityContext error, data 533, v4563`.
    private static func activeDirectory(_ diagnostic: String) -> LoginRefusal? {
        let words = diagnostic.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ",") }
        guard let index = words.firstIndex(where: { $0.elementsEqual("data".utf8) }),
            index + 1 < words.endIndex
        else { return nil }
        switch String(words[index + 1]) {
        case "525", "52e": return .wrongPassword
        case "530": return .wrongHours
        case "531": return .wrongWorkstation
        case "532": return .passwordExpired
        case "533": return .disabled
        case "701": return .accountExpired
        case "773": return .mustChangePassword
        case "775": return .locked
        default: return nil
        }
    }
}
