import COpenSSL

// The memory of things that must not be printed and must not stay behind; an unsafe room.

/// An immutable secret: a key, a password, the contents of a secret file.
///
/// The bytes live in one place on the heap, are never copied by Swift, and are wiped before that
/// place is given back. Printing, dumping and interpolating show `<redacted>`.
// SAFETY: nobody writes after `init` until `deinit`.
@safe public final class SecretBytes: @unchecked Sendable {
    private let memory: UnsafeMutableBufferPointer<UInt8>

    public init(copying bytes: borrowing Span<UInt8>) {
        let source = copy bytes
        unsafe memory = .allocate(capacity: source.count)
        // SAFETY: the allocation has `source.count` bytes; each is initialized once.
        for index in 0..<source.count {
            unsafe memory.initializeElement(at: index, to: source[index])
        }
    }

    /// A secret that `fill` writes once. It may rely on `count` bytes of zeros.
    @unsafe init<Failure: Error>(
        count: Int,
        filledBy fill: (UnsafeMutablePointer<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        unsafe memory = .allocate(capacity: count)
        unsafe memory.initialize(repeating: 0)
        if let base = unsafe memory.baseAddress { try unsafe fill(base) }
    }

    deinit {
        // SAFETY: the allocation is still whole, and nobody can refer to it any more.
        unsafe OPENSSL_cleanse(memory.baseAddress, memory.count)
        unsafe memory.deallocate()
    }

    public var count: Int { unsafe memory.count }

    /// The secret itself. Whoever copies it out is responsible for wiping the copy.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self) get {
            // SAFETY: the memory lives and does not change as long as `self` lives.
            let all = unsafe UnsafeBufferPointer(memory)
            return unsafe _overrideLifetime(Span(_unsafeElements: all), borrowing: self)
        }
    }
}

/// A secret that changes: room for `capacity` bytes, of which the first `count` are filled.
///
/// For decoding a password without leaving copies of it. One owner, one thread at a time.
@safe public final class SecretBuffer {
    private let memory: UnsafeMutableBufferPointer<UInt8>
    /// How many bytes are filled.
    public private(set) var count = 0

    public init(capacity: Int) {
        unsafe memory = .allocate(capacity: capacity)
        unsafe memory.initialize(repeating: 0)
    }

    deinit {
        wipe()
        unsafe memory.deallocate()
    }

    public var capacity: Int { unsafe memory.count }

    /// The filled bytes, until the next `append` or `wipe`.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self) get {
            // SAFETY: the first `count` bytes are filled and live as long as `self`.
            let filled = unsafe UnsafeBufferPointer(rebasing: memory[0..<count])
            return unsafe _overrideLifetime(Span(_unsafeElements: filled), borrowing: self)
        }
    }

    /// - Precondition: `count < capacity`.
    public func append(_ byte: UInt8) {
        precondition(count < capacity)
        unsafe memory[count] = byte
        count += 1
    }

    /// Overwrites what was filled and starts anew.
    public func wipe() {
        // SAFETY: the first `count` bytes are inside the allocation.
        unsafe OPENSSL_cleanse(memory.baseAddress, count)
        count = 0
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension SecretBuffer: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Span<UInt8> {
    /// Equal byte for byte, in a time that depends on the lengths only.
    public func equalsInConstantTime(_ other: borrowing Span<UInt8>) -> Bool {
        let right = copy other
        guard count == right.count else { return false }
        guard count > 0 else { return true }
        // SAFETY: both pointers stay inside the closures and have `count` bytes.
        return unsafe withUnsafeBufferPointer { left in
            unsafe right.withUnsafeBufferPointer { right in
                unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
            }
        }
    }
}
