/// The words behind a command, told apart.
///
/// `--name VALUE` and `--name=VALUE` are the same; everything behind `--` is a name, also what
/// begins with a hyphen. Nothing is ignored: an unknown or repeated option is wrong usage.
struct Arguments {
    private(set) var names: [String] = []
    private(set) var options: [String: String] = [:]
    /// Of options that may be there several times, in their order.
    private(set) var lists: [String: [String]] = [:]
    private(set) var flags: Set<String> = []
    private(set) var asksForHelp = false
    private let topic: HelpTopic

    /// - Parameters:
    ///   - known: the options that take a value.
    ///   - repeatable: those of them that may be repeated.
    ///   - knownFlags: those that take none.
    init(
        _ words: [String],
        options known: Set<String> = [],
        repeatable: Set<String> = [],
        flags knownFlags: Set<String> = [],
        topic: HelpTopic
    ) throws(UsageError) {
        self.topic = topic
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                names += rest
                return
            }
            guard word.hasPrefix("-"), word != "-" else {
                names.append(word)
                continue
            }
            if word == "--help" || word == "-h" {
                asksForHelp = true
                return
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if knownFlags.contains(name), parts.count == 1 {
                guard flags.insert(name).inserted else { throw repeated(name) }
            } else if known.contains(name) || repeatable.contains(name) {
                let value = parts.count == 2 ? String(parts[1]) : rest.popFirst()
                guard let value, !value.isEmpty else {
                    throw UsageError(message: "\(name) needs a value", topic: topic)
                }
                if repeatable.contains(name) {
                    lists[name, default: []].append(value)
                } else if options.updateValue(value, forKey: name) != nil {
                    throw repeated(name)
                }
            } else {
                throw UsageError(message: "unknown option \"\(word)\"", topic: topic)
            }
        }
    }

    /// Refuses more than `count` names.
    func refuseNames(after count: Int) throws(UsageError) {
        guard names.count > count else { return }
        throw UsageError(message: "unexpected \"\(names[count])\"", topic: topic)
    }

    private func repeated(_ name: String) -> UsageError {
        UsageError(message: "\(name) is there twice", topic: topic)
    }
}
