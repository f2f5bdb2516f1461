import Bytes
import COpenLDAP
import Glibc

// The unsafe room of this module: every call of libldap has its Swift twin here.

/// One entry that a search has found. Attribute names are in lower case.
struct LDAPEntry: Sendable, Equatable {
    var dn: ByteString
    var attributes: [ByteString: [ByteString]] = [:]

    func values(of attribute: String) -> [ByteString] {
        attributes[ByteString(attribute.utf8.map(\.asciiLowercased)), default: []]
    }
}

/// How a request ended.
struct LDAPResult: Sendable, Equatable {
    /// RFC 4511 section 4.1.9.
    var code: Int32
    /// The server's words, for people.
    var diagnostic: String
    /// What the password policy says (draft-behera-ldap-password-policy section 6.2); `nil`:
    /// nothing.
    var policyError: Int32?
    /// The answer to "who am I": `dn:…`, `u:…`, or nothing for anonymous. `nil` if not asked or
    /// not told.
    var authorization: ByteString?
}

/// What a request is answered with.
enum LDAPRequestKind: Sendable {
    case bind, search, extended

    fileprivate var answer: Int32 {
        switch self {
        case .bind: Int32(bitPattern: UInt32(LDAP_RES_BIND))
        case .search: Int32(bitPattern: UInt32(LDAP_RES_SEARCH_RESULT))
        case .extended: Int32(bitPattern: UInt32(LDAP_RES_EXTENDED))
        }
    }
}

/// A handle of libldap over one end of a socket pair. It parses and prints LDAP, and never waits.
///
/// One owner, one thread at a time. After `broken` or `unexpected` it must only be closed.
@safe final class LDAPHandle {
    private let raw: OpaquePointer
    private let fd: Int32
    private var isClosed = false

    /// Makes the library ready; to be called before other threads run, where that can be.
    static func prepareLibrary() { directory_prepare() }

    enum Arrival: Sendable {
        case nothing
        case entry(LDAPEntry)
        case reference
        case result(LDAPResult)
        case unexpected
        case broken
    }

    /// Takes over `fd` in every case.
    ///
    /// - Parameter largestMessage: bytes; a longer one breaks the handle before memory is taken.
    init?(over fd: Int32, largestMessage: Int) {
        // SAFETY: what directory_handle returns is owned here and given back in `close`.
        guard let raw = unsafe directory_handle(fd, largestMessage) else { return nil }
        unsafe self.raw = raw
        self.fd = fd
    }

    deinit { close() }

    /// Gives the handle back. Its goodbye can then be read from the other end.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        unsafe directory_close(raw)
    }

    /// Whether bytes have come that belong to no message that was asked for yet.
    var hasUnreadBytes: Bool {
        var byte: UInt8 = 0
        let flags = Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)
        // SAFETY: recv writes at most the one byte.
        return unsafe recv(fd, &byte, 1, flags) > 0
    }

    /// Each sends one request: its number, or `nil` if it cannot be made.
    func bind(dn: ByteString, password: borrowing Span<UInt8>) -> Int32? {
        guard let dn = terminated(dn) else { return nil }
        // SAFETY: name and password live through the call, which copies them.
        let number = unsafe password.withUnsafeBufferPointer { secret in
            unsafe directory_bind(raw, dn, secret.baseAddress, secret.count)
        }
        return number >= 0 ? number : nil
    }

    func search(_ search: LDAPSearch, seconds: Int32) -> Int32? {
        guard let base = terminated(search.base), let filter = terminated(search.filter) else {
            return nil
        }
        // SAFETY: the list ends in nil, and its strings are freed after the call, which copies all.
        var names: [UnsafePointer<CChar>?] = unsafe search.attributes.map { name in
            unsafe UnsafePointer(strdup(name))
        }
        defer {
            for index in unsafe names.indices {
                unsafe free(UnsafeMutablePointer(mutating: names[index]))
            }
        }
        unsafe names.append(nil)
        let number = unsafe directory_search(
            raw, base, search.isSubtree, filter, names, search.limit, seconds)
        return number >= 0 ? number : nil
    }

    func startTLS() -> Int32? {
        let number = unsafe directory_start_tls(raw)
        return number >= 0 ? number : nil
    }

    func whoAmI() -> Int32? {
        let number = unsafe directory_who_am_i(raw)
        return number >= 0 ? number : nil
    }

    /// What has come for a request.
    func next(_ number: Int32, _ kind: LDAPRequestKind) -> Arrival {
        var message: OpaquePointer?
        // SAFETY: a message that is handed out is freed below, once, after it was copied.
        let arrival = unsafe directory_next(raw, number, kind.answer, &message)
        defer { if let message = unsafe message { unsafe ldap_msgfree(message) } }
        switch (arrival, unsafe message) {
        case (DIRECTORY_NOTHING, _): return .nothing
        case (DIRECTORY_ENTRY, let message?):
            return unsafe entry(message).map(Arrival.entry) ?? .broken
        case (DIRECTORY_REFERENCE, _): return .reference
        case (DIRECTORY_RESULT, let message?): return unsafe .result(result(message, kind))
        case (DIRECTORY_UNEXPECTED, _): return .unexpected
        default: return .broken
        }
    }

    private func result(_ message: OpaquePointer, _ kind: LDAPRequestKind) -> LDAPResult {
        let parsed = unsafe directory_result(raw, message)
        // SAFETY: the diagnostic ends with a zero and is ours to free; so is the name below.
        defer { unsafe ldap_memfree(parsed.diagnostic) }
        let diagnostic = unsafe parsed.diagnostic.map { unsafe String(cString: $0) } ?? ""
        var result = unsafe LDAPResult(
            code: parsed.code,
            diagnostic: diagnostic,
            policyError: parsed.policy_error >= 0 ? parsed.policy_error : nil
        )
        if kind.answer == LDAPRequestKind.extended.answer, result.code == ResultCode.success,
            let name = unsafe directory_authorization(raw, message)
        {
            result.authorization = unsafe bytes(name.pointee)
            unsafe ber_bvfree(name)
        }
        return result
    }

    /// - Returns: `nil` if the entry is no LDAP.
    private func entry(_ message: OpaquePointer) -> LDAPEntry? {
        var reader: OpaquePointer?
        var dn = unsafe berval()
        // SAFETY: the values point into the message, which outlives their copying; the list of
        // values and the reader are freed here.
        guard unsafe ldap_get_dn_ber(raw, message, &reader, &dn) == LDAP_SUCCESS else { return nil }
        defer { unsafe ber_free(reader, 0) }
        var entry = unsafe LDAPEntry(dn: bytes(dn))
        while true {
            var name = unsafe berval()
            var values: UnsafeMutablePointer<berval>?
            let code = unsafe ldap_get_attribute_ber(raw, message, reader, &name, &values)
            defer { unsafe ldap_memfree(values) }
            guard code == LDAP_SUCCESS else { return nil }
            guard unsafe name.bv_val != nil else { return entry }
            var copies: [ByteString] = []
            var next = unsafe values
            while let value = unsafe next, unsafe value.pointee.bv_val != nil {
                unsafe copies.append(bytes(value.pointee))
                unsafe next = value + 1
            }
            let key = unsafe ByteString(bytes(name).bytes.map(\.asciiLowercased))
            entry.attributes[key, default: []] += copies
        }
    }

    private func bytes(_ value: berval) -> ByteString {
        // SAFETY: libldap's length is that of the memory it points to.
        let raw = unsafe UnsafeRawBufferPointer(start: value.bv_val, count: Int(value.bv_len))
        return unsafe ByteString([UInt8](raw))
    }

    /// - Returns: `nil` if a zero in the middle would cut the text.
    private func terminated(_ text: ByteString) -> [CChar]? {
        guard !text.bytes.contains(0) else { return nil }
        return text.bytes.map { CChar(bitPattern: $0) } + [0]
    }
}

/// What is searched for, and where.
struct LDAPSearch: Sendable, Equatable {
    var base: ByteString
    var isSubtree = true
    var filter: ByteString
    var attributes: [String]
    /// Entries; one more and the server says so.
    var limit: Int32
}
