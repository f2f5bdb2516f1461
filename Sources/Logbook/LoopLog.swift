import Bytes

/// One loop's end of the access log: encodes records into a page and hands full pages to the
/// writer.
///
/// Belongs to one loop. Appending costs no lock and no system call; the lock of the writer's queue
/// is taken when a page is begun and when it is handed over.
public final class LoopLog {
    /// Bytes of a page. One is handed over as soon as the longest possible line might not fit.
    public static let pageByteCount = 128 * 1024

    private let writer: LogWriter
    private var encoder: AccessLineEncoder
    /// Lines that were not yet handed over. A quiet loop holds no page.
    private var page: LogPage?

    public init(_ writer: LogWriter, format: AccessLineEncoder.Format) {
        self.writer = writer
        encoder = AccessLineEncoder(format)
    }

    /// Lines that were not yet handed over are so now.
    deinit { handOver() }

    /// Writes the line of one ended request into the page.
    ///
    /// - Parameter head: the bytes that the record's places point into.
    public func append(_ record: AccessRecord, head: borrowing Span<UInt8>) {
        guard !writer.isOff else { return }
        var page = self.page ?? writer.emptyPage()
        encoder.append(record, head: head, to: page.buffer)
        page.lineCount += 1
        self.page = page
        if page.buffer.room < AccessLineEncoder.maximumLineLength { handOver() }
    }

    /// To be called at least once a second: then a line reaches the file within a second of its
    /// request's end. While the writer is behind, lines gather here instead, in fewer pages.
    public func tick() {
        if page != nil && !writer.isBehind { handOver() }
    }

    /// Gives all lines to the writer at once. For the drain and before `LogWriter.reopen`.
    public func handOver() {
        if let page { writer.take(page) }
        page = nil
    }
}
