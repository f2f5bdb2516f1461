import AccessControl
import Bytes

/// What one pass over a file has found so far.
struct Reading {
    /// As given on the command line; shown in messages.
    let file: String
    private(set) var errors: [ConfigurationError] = []
    private(set) var warnings: [ConfigurationError] = []
    /// Every key that was there, as in `KnownKey.path`.
    private(set) var usedKeys: Set<String> = []
    /// The files that the configuration names to be read.
    private(set) var files: [FileReference] = []

    init(file: String) { self.file = file }

    mutating func refuse(_ mark: YAMLMark, _ place: KeyPlace, _ wrong: String, allowed: String) {
        refuse(mark, place, "\(wrong) (\(allowed))")
    }

    mutating func refuse(_ mark: YAMLMark, _ place: KeyPlace, _ message: String) {
        errors.append(
            ConfigurationError(at: position(mark), key: place.shown, message: message)
        )
    }

    mutating func refuse(_ problem: YAMLProblem) {
        errors.append(
            ConfigurationError(
                at: position(problem.mark),
                key: problem.path,
                message: problem.message
            )
        )
    }

    mutating func warn(_ mark: YAMLMark, _ place: KeyPlace, _ wrong: String, allowed: String) {
        let message = "\(wrong) (\(allowed))"
        warnings.append(
            ConfigurationError(at: position(mark), key: place.shown, message: message)
        )
    }

    mutating func use(_ file: FileReference) { files.append(file) }

    mutating func use(_ place: KeyPlace) { usedKeys.insert(place.known) }

    func position(_ mark: YAMLMark) -> SourcePosition {
        SourcePosition(file: file, line: mark.line, column: mark.column)
    }

    /// `path`, if relative, beside the configuration file.
    func resolve(_ path: String) -> String {
        guard path.utf8.first != UInt8(ascii: "/"),
            let slash = file.utf8.lastIndex(of: UInt8(ascii: "/"))
        else {
            return path
        }
        return String(file[...slash]) + path
    }
}

/// Where in the file, twice: for people (`listen[0].address`) and for the list of known keys
/// (`listen[].address`).
struct KeyPlace {
    let shown: String
    let known: String

    static let root = KeyPlace(shown: "", known: "")

    func key(_ name: String) -> KeyPlace { step(name, name) }
    /// An entry of a mapping whose keys the operator chooses.
    func entry(_ name: String) -> KeyPlace { step(printable(name), "NAME") }
    func element(_ index: Int) -> KeyPlace {
        KeyPlace(shown: "\(shown)[\(index)]", known: "\(known)[]")
    }

    private func step(_ shownStep: String, _ knownStep: String) -> KeyPlace {
        let dot = shown.isEmpty ? "" : "."
        return KeyPlace(shown: shown + dot + shownStep, known: known + dot + knownStep)
    }
}

/// A key that the reader knows. The reference, its example and the reader are compared by these.
public struct KnownKey: Sendable, Hashable {
    /// `timeouts.idle`, `listen[].address`, `access.groups.NAME.users`.
    public let path: String
    /// `duration`, `size`, `list of …`; `section` for a mapping with keys of its own.
    public let type: String
    /// As printed in the reference: `100ms … 5m`; empty where the type says it all.
    public let range: String
    /// As printed in the reference; `nil`: none, the key is absent.
    public let defaultText: String?
}
