import AccessControl
import Bytes
import ProxyConfig

struct DiffOptions: Equatable {
    var old: String
    var new: String
    /// Access logs in JSON.
    var logs: [String] = []
    var isJSON = false
    /// Differences end with status 1, as in diff(1).
    var tellsByExitCode = false
}

/// Prints who gains and who loses what between the access rules of two files.
///
/// - Returns: 0; 1 if there are differences and that was asked for; 3 if a file is wrong, 4 if a
///   log cannot be read.
func accessDiff(_ options: DiffOptions) -> CommandOutcome {
    let reports = [options.old, options.new].map { ConfigurationReader.readAccess(file: $0) }
    guard let old = reports[0].access?.policy, let new = reports[1].access?.policy else {
        let text = lines(of: reports.flatMap(\.errors), isColoured: mayColourStandardError())
        return CommandOutcome(.wrongConfiguration, standardError: text)
    }
    var report = DiffReport(comparison: PolicyComparison(old, new))
    if !options.logs.isEmpty {
        var replay = LogReplay(old, new)
        for path in options.logs {
            do throws(FileError) {
                let limit = LogReplay.longestLine
                try FileBytes.eachLine(of: path, atMost: limit) { replay.add(line: $0) }
            } catch {
                let text = "registry-proxy: \(path): \(error.description)\n"
                return CommandOutcome(.unavailable, standardError: text)
            }
        }
        report.replay = replay
    }
    return CommandOutcome(
        options.tellsByExitCode && report.isDifferent ? .no : .done,
        standardOutput: options.isJSON ? report.json : report.text
    )
}

/// What `access diff` found, as text and as JSON.
struct DiffReport {
    let comparison: PolicyComparison
    var replay: LogReplay?

    /// Lines about past requests that are printed.
    private static let mostLines = 50

    var isDifferent: Bool {
        !comparison.changes.isEmpty || (replay?.changedCount ?? 0) > 0
    }

    var text: String {
        var lines = comparison.changes.map(\.description)
        if lines.isEmpty { lines = ["nobody gains or loses anything"] }
        if comparison.isIncomplete {
            lines.append(
                "there are more rules than were compared; a log of requests shows the rest")
        }
        return (lines + replayLines).map { $0 + "\n" }.joined()
    }

    private var replayLines: [String] {
        guard let replay else { return [] }
        let sorted = replay.sorted
        var lines = ["", "of \(replay.requestCount) logged requests \(replay.changedCount) differ"]
        for (group, tally) in sorted.prefix(Self.mostLines) {
            let parts =
                (group.lost.isEmpty ? [] : ["loses \(group.lost.joined(separator: ", "))"])
                + (group.gained.isEmpty ? [] : ["gains \(group.gained.joined(separator: ", "))"])
            lines.append(
                "\(tally.count) times \(group.operation): \(group.subject) "
                    + "\(parts.joined(separator: " and ")) on \(group.repository) "
                    + "(first \(tally.example))"
            )
        }
        if sorted.count > Self.mostLines {
            lines.append("and \(sorted.count - Self.mostLines) more kinds")
        }
        if replay.unsureCount > 0 {
            lines.append(
                "\(replay.unsureCount) of the requests were by users of a directory, whose groups "
                    + "the log does not hold: they were taken to be in no group of the directory"
            )
        }
        return lines
    }

    /// `{"changes":[…],"subjects":N,"names":N,"incomplete":B,"requests":{…}|null}`.
    var json: String {
        let changes = comparison.changes.map { change in
            JSONObject()
                .adding("subject", "\(change.subject)")
                .adding("repositories", change.place.isEmpty ? nil : "\(change.place)")
                .adding("gained", change.gained)
                .adding("lost", change.lost)
                .adding("example", change.example.isEmpty ? nil : change.example)
        }
        let requests = replay.map { replay in
            JSONObject()
                .adding("lines", number: replay.lineCount)
                .adding("requests", number: replay.requestCount)
                .adding("changed", number: replay.changedCount)
                .adding("unsure", number: replay.unsureCount)
                .adding(
                    "changes",
                    objects: replay.sorted.map { group, tally in
                        JSONObject()
                            .adding("count", number: tally.count)
                            .adding("subject", group.subject)
                            .adding("operation", group.operation)
                            .adding("repository", group.repository)
                            .adding("gained", group.gained)
                            .adding("lost", group.lost)
                            .adding("example", tally.example)
                    }
                )
        }
        return JSONObject()
            .adding("changes", objects: changes)
            .adding("subjects", number: comparison.subjectCount)
            .adding("names", number: comparison.nameCount)
            .adding("incomplete", flag: comparison.isIncomplete)
            .adding("requests", object: requests)
            .text + "\n"
    }
}
