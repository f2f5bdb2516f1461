import AuditTrail
import Bytes

/// What happened to one repository or tag, and who did it.
extension AuditCommand {
    /// Who moved it from what to what, and when: the oldest first.
    func history(of target: AuditTarget) throws(AuditError) -> CommandOutcome {
        try reader.forEach(TrailQuery(target)) { record, line in
            guard Change(of: record, in: line) != nil else { return }
            var row: [UInt8] = []
            row.append(record, .time, line, width: 27)
            row.append(record, .event, line, width: 18)
            row.append(
                contentsOf: AuditTable.padded(AuditTable.person(of: record, in: line), to: 16))
            if target.tag == nil, record.has(.tag) {
                row.append(UInt8(ascii: ":"))
                row.append(record, .tag, line)
                row.append(0x20)
            }
            if record.has(.was) {
                row.append(record, .was, line)
                row += Array(" -> ".utf8)
            }
            row.append(record, .digest, line)
            while row.last == 0x20 { row.removeLast() }
            output.write(row.span)
            output.write("\n")
        }
        return CommandOutcome()
    }

    /// Everybody who pulled, pushed, deleted, or was refused, with the count of each and the last
    /// time: the most recent first.
    func who(_ target: AuditTarget) throws(AuditError) -> CommandOutcome {
        var people: [[UInt8]: Deeds] = [:]
        var order = 0
        try reader.forEach(TrailQuery(target)) { record, line in
            order += 1
            let person = AuditTable.person(of: record, in: line)
            guard !person.isEmpty else { return }
            people[person, default: Deeds()].add(record, line, order)
        }
        for (person, deeds) in people.sorted(by: { $0.value.order > $1.value.order }) {
            output.write(AuditTable.padded(person, to: 24).span)
            output.write(deeds.text)
        }
        return CommandOutcome()
    }
}

/// What one person did.
private struct Deeds {
    private var pulls = 0
    private var pushes = 0
    private var deletes = 0
    private var denials = 0
    private var last = ByteString([])
    private(set) var order = 0

    mutating func add(_ record: RecordLine, _ line: borrowing Span<UInt8>, _ order: Int) {
        let count = record.number(.count, in: line) ?? 1
        switch Change(of: record, in: line) {
        case .push: pushes += count
        case .delete: deletes += count
        case nil where record.value(.event, in: line, is: "manifest.pull"): pulls += count
        case nil where record.value(.event, in: line, is: "access.denied"): denials += count
        case nil: return
        }
        last = ByteString(copying: line.extracting(record.raw(.time)))
        self.order = order
    }

    var text: String {
        "pulls \(pulls), pushes \(pushes), deletes \(deletes), denied \(denials), last \(last)\n"
    }
}

/// What a record changed.
private enum Change {
    case push, delete

    init?(of record: RecordLine, in line: borrowing Span<UInt8>) {
        guard record.value(.outcome, in: line, is: "done") else { return nil }
        let event = line.extracting(record.raw(.event))
        if event.elementsEqual("manifest.create") || event.elementsEqual("manifest.overwrite") {
            self = .push
        } else if event.elementsEqual("manifest.delete") || event.elementsEqual("tag.delete") {
            self = .delete
        } else {
            return nil
        }
    }
}

extension TrailQuery {
    fileprivate init(_ target: AuditTarget) {
        self.init()
        repository = target.repository
        tag = target.tag
    }
}
