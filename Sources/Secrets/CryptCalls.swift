import Bytes
import CCrypt
import COpenSSL
import Glibc

// Password hashes through libcrypt; an unsafe room.

extension PasswordHash {
    /// Whether `password` is the one that was hashed. Takes `effort`; never call it on a loop.
    ///
    /// A password that the format would cut (NUL, over 72 bytes with bcrypt) takes the same time
    /// and never matches. The work area of 32 KiB is made and wiped for each call: an instant
    /// beside the milliseconds of a hash, and nothing stays behind in any thread.
    public func matches(_ password: borrowing Span<UInt8>) -> Bool {
        let password = copy password
        let isWhole =
            !password.isEmpty && password.count <= longestPassword
            && password.firstIndex(of: 0) == nil
        var equal = false
        withCrypt(password, setting: text) { (result: Span<UInt8>) in
            equal = result.equalsInConstantTime(text.span)
        }
        return equal && isWhole
    }

    /// A bcrypt hash (`$2y$`, which Apache, nginx and registry:2 read as well) with a new salt.
    ///
    /// - Returns: `nil` if bcrypt cannot take the password whole: empty, over 72 bytes, or with
    ///   NUL.
    /// - Parameter cost: 4 to 16.
    public static func bcrypt(
        _ password: borrowing Span<UInt8>,
        cost: Int = 10
    ) throws(RandomnessError) -> PasswordHash? {
        precondition((4...16).contains(cost))
        let password = copy password
        guard (1...72).contains(password.count), password.firstIndex(of: 0) == nil else {
            return nil
        }
        var made: PasswordHash?
        let salt = try bcryptSetting(cost: cost)
        withCrypt(password, setting: salt) { (result: Span<UInt8>) in
            made = try? PasswordHash(parsing: result)
        }
        return made
    }
}

private func bcryptSetting(cost: Int) throws(RandomnessError) -> [UInt8] {
    let salt = try RandomBytes.make(count: 16)
    var text = [UInt8](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
    unsafe salt.withUnsafeBytes { salt in
        unsafe text.withUnsafeMutableBytes { text in
            // SAFETY: both pointers stay inside the closures and have the counts given.
            _ = unsafe crypt_gensalt_rn(
                "$2y$",
                UInt(cost),
                salt.bindMemory(to: CChar.self).baseAddress,
                Int32(salt.count),
                text.bindMemory(to: CChar.self).baseAddress,
                Int32(text.count)
            )
        }
    }
    return Array(text.prefix { $0 != 0 })
}

/// Calls crypt_r(3) and shows its result. On failure that is `*0` or `*1`, which equals no stored
/// hash.
private func withCrypt(
    _ password: Span<UInt8>,
    setting: [UInt8],
    _ body: (Span<UInt8>) -> Void
) {
    let area = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
    let phrase = SecretBuffer(capacity: Int(CRYPT_MAX_PASSPHRASE_SIZE))
    for index in 0..<min(password.count, phrase.capacity - 1) { phrase.append(password[index]) }
    phrase.append(0)
    // SAFETY: the area is one `crypt_data`, zeroed as crypt_r(3) demands, and wiped before it goes.
    unsafe memset(area, 0, MemoryLayout<crypt_data>.size)
    unsafe phrase.bytes.withUnsafeBytes { phrase in
        unsafe (setting + [0]).withUnsafeBytes { setting in
            // SAFETY: both texts end in NUL and stay inside the closures.
            guard
                let result = unsafe crypt_r(
                    phrase.bindMemory(to: CChar.self).baseAddress,
                    setting.bindMemory(to: CChar.self).baseAddress,
                    area
                )
            else { return }
            let count = unsafe strlen(result)
            // SAFETY: the result is inside the area and ends in NUL; a character is one byte.
            unsafe result.withMemoryRebound(to: UInt8.self, capacity: count) { first in
                unsafe body(UnsafeBufferPointer(start: first, count: count).span)
            }
        }
    }
    unsafe OPENSSL_cleanse(area, MemoryLayout<crypt_data>.size)
    unsafe area.deallocate()
}
