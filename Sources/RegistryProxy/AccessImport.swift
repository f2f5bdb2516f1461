import Bytes
import ProxyConfig
import RuleImport

/// Prints another program's access rules as ours.
///
/// - Returns: 0 also if not everything could be carried over: what could not is on standard error
///   and in the text; 3 if the file cannot be understood, 4 if it cannot be read.
func accessImport(_ options: ImportOptions) -> CommandOutcome {
    let bytes: [UInt8]
    do throws(FileError) {
        bytes = try FileBytes.read(options.file, atMost: ImportOptions.largestByteCount)
    } catch {
        let text = "registry-proxy: \(options.file): \(error.description)\n"
        return CommandOutcome(.unavailable, standardError: text)
    }
    switch ImportedRules.read(bytes, file: options.file, from: options.source) {
    case .success(let rules):
        return CommandOutcome(
            standardOutput: rules.text,
            standardError: rules.notes.map { printable($0, cutAt: .max) + "\n" }.joined()
        )
    case .failure(let failure):
        let text = failure.messages.map { $0 + "\n" }.joined()
        return CommandOutcome(.wrongConfiguration, standardError: text)
    }
}
