/// A fixed region of memory with a filled middle: written at the end, consumed from the front.
///
/// The only owner of raw memory on the data path; this file is that memory's unsafe room. A region
/// of a page or more begins half a page after a page boundary. OpenSSL's record buffers begin on
/// one (`COpenSSL`), and copies between the two then never meet the slow case of `rep movsb`, which
/// some processors have where source and destination lie 1 to 16 bytes apart modulo 4096.
///
/// A head or a log line is made of a hundred pieces. What appends one is compiled into its caller,
/// where the length of a literal is known: a few moves instead of two calls.
@safe public final class Buffer {
    private let memory: UnsafeMutableRawBufferPointer
    @usableFromInline let base: UnsafeMutablePointer<UInt8>

    /// How many bytes fit in all.
    public let capacity: Int
    // Read and written for every few bytes of a head or a log line, where the checks for
    // overlapping access were measured to be nearly half of the cost. No access here can overlap
    // another: each is one load or store, on the one thread that owns the buffer.
    @safe @exclusivity(unchecked) @usableFromInline var lower = 0
    @safe @exclusivity(unchecked) @usableFromInline var upper = 0

    private static let page = 4096

    public init(capacity: Int) {
        let isPlaced = capacity >= Self.page
        let offset = isPlaced ? Self.page / 2 : 0
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: capacity + offset,
            alignment: isPlaced ? Self.page : 16
        )
        self.capacity = capacity
        unsafe self.memory = memory
        // SAFETY: the region has `capacity` bytes behind the offset; UInt8 needs no alignment.
        unsafe base = unsafe (memory.baseAddress! + offset)
            .bindMemory(to: UInt8.self, capacity: capacity)
    }

    deinit { unsafe memory.deallocate() }

    /// Position of the first filled byte.
    @inlinable public var start: Int { lower }
    /// Position behind the last filled byte.
    @inlinable public var end: Int { upper }
    @inlinable public var count: Int { upper - lower }
    @inlinable public var isEmpty: Bool { lower == upper }
    /// How many more bytes can be appended.
    @inlinable public var room: Int { capacity - upper }

    /// The filled bytes.
    @inlinable public var bytes: Span<UInt8> {
        @_lifetime(borrow self) get {
            // SAFETY: `lower..<upper` is filled, inside the region, and there as long as `self`.
            let filled = unsafe UnsafeBufferPointer(start: base + lower, count: count)
            return unsafe _overrideLifetime(Span(_unsafeElements: filled), borrowing: self)
        }
    }

    public func clear() {
        lower = 0
        upper = 0
    }

    /// Takes `byteCount` bytes off the front. An emptied buffer begins at the front again.
    public func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        lower += byteCount
        if isEmpty { clear() }
    }

    /// Gives up filled bytes at the end.
    public func truncate(to byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        upper = lower + byteCount
        if isEmpty { clear() }
    }

    /// Moves the filled bytes to the front, so that all free memory is behind them.
    public func compact() {
        guard lower > 0 else { return }
        // SAFETY: both ranges are inside the region; `update` allows them to overlap.
        unsafe base.update(from: base + lower, count: count)
        upper -= lower
        lower = 0
    }

    /// Leaves `byteCount` free bytes in front of an empty buffer, for `prepend`.
    public func reserveFront(_ byteCount: Int) {
        precondition(isEmpty && byteCount <= capacity)
        lower = byteCount
        upper = byteCount
    }

    /// Writes in front of the filled bytes, into room made by `reserveFront`.
    public func prepend(_ bytes: borrowing Span<UInt8>) {
        let source = copy bytes
        precondition(source.count <= lower)
        lower -= source.count
        // SAFETY: `lower..<lower + count` is inside the region, by the check above.
        for index in 0..<source.count { unsafe base[lower + index] = source[index] }
    }

    @inlinable public func append(_ byte: UInt8) {
        precondition(room >= 1)
        unsafe base[upper] = byte
        upper += 1
    }

    @inlinable @inline(__always) public func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        precondition(room >= length)
        // SAFETY: a static string has `length` bytes; there is room for them.
        unsafe (base + upper).update(from: text.utf8Start, count: length)
        upper += length
    }

    @inlinable public func append(_ bytes: borrowing Span<UInt8>) {
        let length = bytes.count
        precondition(room >= length)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            // SAFETY: `source` has `length` bytes; there is room for them.
            unsafe (base + upper).update(from: from, count: length)
        }
        upper += length
    }

    public func append(_ bytes: [UInt8]) { append(bytes.span) }
    // A literal is meant as a StaticString, which costs no allocation.
    @_disfavoredOverload public func append(_ text: ByteString) { append(text.bytes.span) }

    /// - Precondition: `value >= 0` and 20 bytes of room.
    public func append(decimal value: Int) {
        precondition(value >= 0 && room >= 20)
        var digits = 1
        var rest = value / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        var position = upper + digits
        upper = position
        rest = value
        repeat {
            position -= 1
            unsafe base[position] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        } while rest > 0
    }

    /// Lets `body` write up to `limit` bytes into the free room and says how many it wrote.
    ///
    /// For the callers in other unsafe rooms: system calls and OpenSSL.
    /// - Returns: what `body` returned; a positive number is taken as bytes written.
    @unsafe public func fill(
        atMost limit: Int = .max,
        _ body: (UnsafeMutableRawPointer, Int) -> Int
    ) -> Int {
        let offered = min(room, limit)
        // SAFETY: `offered` bytes behind `upper` are inside the region.
        let written = unsafe body(UnsafeMutableRawPointer(base + upper), offered)
        precondition(written <= offered)
        if written > 0 { upper += written }
        return written
    }

    /// Lets `body` read the filled bytes through a pointer. For other unsafe rooms only.
    @unsafe public func withFilled<Result>(_ body: (UnsafeRawPointer, Int) -> Result) -> Result {
        // SAFETY: `count` bytes at `lower` are filled.
        unsafe body(UnsafeRawPointer(base + lower), count)
    }

    /// The region's first byte. For the record layer, which writes at positions of its own; it must
    /// tell the end with `didFill`.
    @unsafe public var baseAddress: UnsafeMutablePointer<UInt8> { unsafe base }

    /// Says that another unsafe room has filled the bytes up to position `newEnd`.
    @unsafe public func didFill(to newEnd: Int) {
        precondition(newEnd >= upper && newEnd <= capacity)
        upper = newEnd
    }
}
