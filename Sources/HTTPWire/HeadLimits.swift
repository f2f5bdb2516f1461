/// How much a head may hold. All counts are bytes, but for `fieldCount`.
public struct HeadLimits: Sendable, Equatable {
    /// The request line or status line, without its CRLF.
    public var requestLine: Int
    /// All field lines together, each with its CRLF, without the empty line behind them.
    public var section: Int
    /// Field lines.
    public var fieldCount: Int
    /// One field name.
    public var fieldName: Int
    /// All values of `Accept` in a request together.
    public var accept: Int

    /// The defaults are those of the product: some can be configured, the others are fixed.
    public init(
        requestLine: Int = 8192,
        section: Int = 32 * 1024,
        fieldCount: Int = 100,
        fieldName: Int = 64,
        accept: Int = 8192
    ) {
        self.requestLine = requestLine
        self.section = section
        self.fieldCount = fieldCount
        self.fieldName = fieldName
        self.accept = accept
    }

    /// The longest head that can be complete. With that many bytes `parse` never asks for more, so
    /// a buffer of this capacity suffices: one empty line, the first line, the fields, the end.
    public var headByteCount: Int { 2 + requestLine + 2 + section + 2 }
}
