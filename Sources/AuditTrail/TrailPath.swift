import Logbook

/// The names of a trail's files: `audit.log` is written to, `audit-20261121T075603.123456Z.log` and
/// `….log.gz` were. The time is that of the rotation, so no record in the file is newer.
struct TrailPath: Sendable, Equatable {
    /// The file that is written to.
    let current: String
    let directory: String
    /// What the names of rotated files begin with, and end with before `.gz`.
    private let prefix: String
    private let suffix: String

    init(_ path: String) {
        current = path
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        directory = slash.map { String(path[..<$0]) + "/" } ?? ""
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        let dot = name.utf8.lastIndex(of: UInt8(ascii: "."))
        if let dot, dot > name.startIndex {
            prefix = String(name[..<dot]) + "-"
            suffix = String(name[dot...])
        } else {
            prefix = name + "-"
            suffix = ""
        }
    }

    /// Held as long as a process writes to the trail.
    var lockFile: String { current + ".lock" }

    /// Where a torn last line goes.
    func torn(at time: WallTime) -> String { current + ".torn-" + time.compactText }

    func rotated(at time: WallTime) -> String { directory + prefix + time.compactText + suffix }

    /// One of the files that were written to before.
    struct Rotated: Sendable, Equatable {
        let path: String
        let time: WallTime
        let isCompressed: Bool
    }

    /// The rotated files among `names` of the directory, oldest first.
    func rotatedFiles(among names: [String]) -> [Rotated] {
        names.compactMap(rotatedFile).sorted { ($0.time, $0.path) < ($1.time, $1.path) }
    }

    private func rotatedFile(named name: String) -> Rotated? {
        guard name.hasPrefix(prefix) else { return nil }
        var rest = name.utf8.dropFirst(prefix.utf8.count)
        let isCompressed = rest.ends(with: ".gz")
        if isCompressed { rest = rest.dropLast(3) }
        guard rest.ends(with: suffix),
            let time = WallTime(compactText: Array(rest.dropLast(suffix.utf8.count)))
        else { return nil }
        return Rotated(path: directory + name, time: time, isCompressed: isCompressed)
    }
}

extension Substring.UTF8View {
    fileprivate func ends(with text: String) -> Bool {
        count >= text.utf8.count && suffix(text.utf8.count).elementsEqual(text.utf8)
    }
}

extension String.UTF8View.SubSequence {
    fileprivate init(_ text: Substring) { self = text.utf8 }
}
