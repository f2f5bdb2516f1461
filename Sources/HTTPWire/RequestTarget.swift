public import Bytes

/// The parts of a request target (RFC 9112 section 3.2).
///
/// The path is refused unless it has one spelling only: no percent-encoding, no empty or dot
/// segment, no path parameter. Decoding is where a proxy and the server behind it begin to disagree
/// about which repository is meant, and no registry route needs it.
public struct RequestTarget: Sendable, Equatable {
    /// Begins with `/`; `*` for the target of the whole server.
    ///
    /// For an absolute target without a path (`http://host`) it is a `/` of the target, as RFC 9110
    /// section 4.2.3 says that the two are the same.
    public let path: Place
    /// What follows the first `?`, which may be nothing; `nil` if there is no `?`. A query of
    /// RFC 3986 section 3.4; not decoded.
    public let query: Place?
    /// Host and port of an absolute target; equal to the `Host` field but for case.
    public let authority: Place?

    /// Reads the target of a head that is complete.
    ///
    /// - Parameter bytes: those the head was parsed from.
    public init(parsing bytes: Span<UInt8>, of head: RequestHead) throws(WireError) {
        try self.init(
            parsing: bytes,
            of: head.target,
            method: head.method,
            host: head.fields.first(.host)
        )
    }

    /// Reads the target at a place.
    ///
    /// - Parameter host: the value of `Host`; an absolute target must name the same. `nil` skips
    ///   that comparison.
    public init(
        parsing bytes: Span<UInt8>,
        of target: Place,
        method: Method,
        host: Place?
    ) throws(WireError) {
        let text = bytes.extracting(target)
        if text.isEmpty { throw .targetMissing }
        if text[0] == UInt8(ascii: "/") {
            let (path, query) = try bytes.pathAndQuery(target.range)
            self.init(path: path, query: query, authority: nil)
        } else if text.elementsEqual("*") {
            guard method == .options else { throw .asteriskWithoutOptions }
            self.init(path: target, query: nil, authority: nil)
        } else {
            let authority = try Self.authority(of: target, in: bytes)
            if let host {
                let isSame = bytes.extracting(host).equalsIgnoringCase(bytes.extracting(authority))
                guard isSame else { throw .authorityNotHost }
            }
            let rest = authority.range.upperBound..<target.range.upperBound
            let (path, query) = try bytes.pathAndQuery(rest)
            // The last byte of `://` stands for an empty path.
            let root = Place(authority.range.lowerBound - 1, authority.range.lowerBound)
            self.init(path: path.isEmpty ? root : path, query: query, authority: authority)
        }
    }

    private init(path: Place, query: Place?, authority: Place?) {
        self.path = path
        self.query = query
        self.authority = authority
    }

    /// The authority of an absolute target: `http://` or `https://`, then up to `/` or `?`.
    private static func authority(
        of target: Place,
        in bytes: Span<UInt8>
    ) throws(WireError) -> Place {
        let text = bytes.extracting(target)
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")),
            text.extracting(colon..<text.count).starts(with: "://")
        else { throw .targetFormUnsupported }
        let scheme = text.extracting(0..<colon)
        guard scheme.equalsIgnoringCase("http") || scheme.equalsIgnoringCase("https") else {
            throw .targetFormUnsupported
        }
        let start = colon + 3
        var end = start
        while end < text.count, text[end] != UInt8(ascii: "/"), text[end] != UInt8(ascii: "?") {
            end += 1
        }
        let base = target.range.lowerBound
        let place = Place(base + start, base + end)
        if Authority(parsing: bytes, at: place) == nil { throw .authorityMalformed }
        return place
    }
}

extension Span<UInt8> {
    /// Splits at the first `?` and checks both parts.
    fileprivate func pathAndQuery(
        _ range: Range<Int>
    ) throws(WireError) -> (path: Place, query: Place?) {
        let pathEnd = try checkPath(range)
        let path = Place(range.lowerBound, pathEnd)
        guard pathEnd < range.upperBound else { return (path, nil) }
        let query = Place(pathEnd + 1, range.upperBound)
        try checkQuery(query.range)
        return (path, query)
    }

    /// Checks a path up to the first `?` or to the end, and returns where it ends.
    private func checkPath(_ range: Range<Int>) throws(WireError) -> Int {
        var index = range.lowerBound
        var segmentStart = index + 1
        while index < range.upperBound, self[index] != UInt8(ascii: "?") {
            let byte = self[index]
            guard ByteSet.path.contains(byte) else { throw .inPath(byte) }
            if byte == UInt8(ascii: "/"), index > range.lowerBound {
                if index == segmentStart { throw .pathHasEmptySegment }
                if isDotSegment(segmentStart, index) { throw .pathHasDotSegment }
                segmentStart = index + 1
            }
            index += 1
        }
        if segmentStart < index, isDotSegment(segmentStart, index) { throw .pathHasDotSegment }
        return index
    }

    private func isDotSegment(_ start: Int, _ end: Int) -> Bool {
        guard end - start <= 2 else { return false }
        for index in start..<end where self[index] != UInt8(ascii: ".") { return false }
        return true
    }

    private func checkQuery(_ range: Range<Int>) throws(WireError) {
        for index in range {
            let byte = self[index]
            guard ByteSet.query.contains(byte) else { throw .inQuery(byte) }
            guard byte == UInt8(ascii: "%") else { continue }
            let isEncoded =
                index + 2 < range.upperBound && self[index + 1].hexValue != nil
                && self[index + 2].hexValue != nil
            guard isEncoded else { throw .queryHasPercent }
        }
    }
}
