import AccessControl
import Bytes

/// Turns regions, of which the first that matches decides, into rules whose order does not matter.
///
/// A region gives what it gives wherever it matches. Where an earlier region decides otherwise,
/// that is taken away again: with `except` if the earlier region covers all of the later one's
/// names, with a `deny` on the earlier region's names if not. A deny also takes away what a region
/// before both gives there; that is prevented where `except` can say it, and noted where not. So
/// the rules never give more than the regions did, but for the pull that create and overwrite
/// imply.
struct Translation {
    let regions: [Region]
    /// Given everywhere, whatever the regions say.
    let always: [Region.Grant]
    let algebra: SubjectAlgebra
    private(set) var rules: [RuleDraft] = []
    private(set) var notes: [ImportNote] = []
    /// What must be denied on each region's names, by action.
    private var denials: [[Actions.RawValue: [Subject]]]

    init(regions: [Region], always: [Region.Grant], groups: [ByteString: [ByteString]]) {
        self.regions = regions
        self.always = always
        algebra = SubjectAlgebra(groups: groups)
        denials = Array(repeating: [:], count: regions.count)
        for index in regions.indices { translate(index) }
        for index in regions.indices { deny(index) }
        for grant in always {
            let everything = NameSet.everything(isExact: true)
            allow(grant, grant.except, everything, nil, grant.actions, ["everywhere"])
        }
    }

    private mutating func translate(_ index: Int) {
        let region = regions[index]
        if let other = regions.first(where: { hides($0, region) }) {
            if !region.grants.isEmpty {
                note(region, "not carried over: \(other.name) always decides before it")
            }
            return
        }
        for grant in region.grants {
            var parts: [(actions: Actions, except: [Subject])] = []
            for action in Actions.single where grant.actions.contains(action) {
                guard let except = exceptions(to: grant, action, in: index) else { continue }
                if let same = parts.firstIndex(where: { $0.except == except }) {
                    parts[same].actions.formUnion(action)
                } else {
                    parts.append((action, except))
                }
            }
            if parts.isEmpty {
                note(region, "\(grant.id): nothing is left of it: earlier ones decide otherwise")
            }
            for (number, part) in parts.enumerated() {
                let id = number == 0 ? grant.id : "\(grant.id)-\(number + 1)"
                let grant = Region.Grant(id: id, who: grant.who, actions: part.actions)
                allow(
                    grant,
                    part.except,
                    region.names,
                    region.networks,
                    part.actions,
                    comments(region)
                )
                noteImpliedPull(grant, in: region)
            }
        }
    }

    private func hides(_ other: Region, _ region: Region) -> Bool {
        other.isExact && other.certainlyDecidesBefore(region) && other.coversPlace(of: region)
            && algebra.covers(other.who, region.who)
    }

    /// Whom an allow of `action` must leave out, because an earlier region decides about all of its
    /// names; what has to be denied for the others is put down meanwhile.
    ///
    /// - Returns: `nil` if nobody would be left.
    private mutating func exceptions(
        to grant: Region.Grant,
        _ action: Actions,
        in index: Int
    ) -> [Subject]? {
        let region = regions[index]
        var except = grant.except
        for (earlier, other) in regions.enumerated()
        where earlier != index && other.mayDecideBefore(region) && other.overlapsPlace(of: region) {
            guard let lack = other.lacking.first(where: { $0.action == action }) else { continue }
            let who = algebra.common(lack.who, grant.who)
                .filter { !algebra.covers(lack.except + except, $0) }
            if who.isEmpty { continue }
            if other.coversPlace(of: region) {
                except += who
            } else {
                denials[earlier][action.rawValue, default: []] += who
            }
        }
        return algebra.covers(except, grant.who) ? nil : except
    }

    private mutating func allow(
        _ grant: Region.Grant,
        _ except: [Subject],
        _ names: NameSet,
        _ networks: [IPNetwork]?,
        _ actions: Actions,
        _ comments: [String]
    ) {
        rules.append(
            RuleDraft(
                id: grant.id,
                who: grant.who,
                except: reduced(except),
                names: names,
                networks: networks,
                isDeny: false,
                actions: actions,
                comments: comments
            )
        )
    }

    /// Writes the denies that later regions need on the names of this one.
    private mutating func deny(_ index: Int) {
        let region = regions[index]
        var parts: [(actions: Actions, who: [Subject], except: [Subject])] = []
        for action in Actions.single {
            guard let wanted = denials[index][action.rawValue] else { continue }
            let who = reduced(wanted)
            let except = reduced(exceptions(toDenying: action, to: who, in: index))
            if let same = parts.firstIndex(where: { $0.who == who && $0.except == except }) {
                parts[same].actions.formUnion(action)
            } else {
                parts.append((action, who, except))
            }
        }
        let ids = parts.indices.map { number in
            number == 0 ? region.idOfDeny : "\(region.idOfDeny)-\(number + 1)"
        }
        if !parts.isEmpty, !region.isExact {
            note(region, "what it withholds is denied wherever it may apply", about: ids)
        }
        for (id, part) in zip(ids, parts) {
            rules.append(
                RuleDraft(
                    id: id,
                    who: part.who,
                    except: part.except,
                    names: region.names,
                    networks: region.networks,
                    isDeny: true,
                    actions: part.actions,
                    comments: comments(region) + ["what others give does not hold here"]
                )
            )
        }
    }

    private mutating func exceptions(
        toDenying action: Actions,
        to who: [Subject],
        in index: Int
    ) -> [Subject] {
        let region = regions[index]
        var except = region.lacking.first { $0.action == action }?.except ?? []
        for grant in always where grant.actions.contains(action) { except += grant.who }
        for (earlier, other) in regions.enumerated()
        where earlier != index && other.mayDecideBefore(region) && other.overlapsPlace(of: region) {
            for grant in other.grants where grant.actions.contains(action) {
                let hit = algebra.common(grant.who, who)
                    .filter { !algebra.covers(except + grant.except, $0) }
                if hit.isEmpty { continue }
                let isCertain = other.certainlyDecidesBefore(region)
                if isCertain, algebra.common(grant.except, who).isEmpty,
                    other.coversPlace(of: region)
                {
                    except += grant.who
                } else {
                    let verb = action.words.joined()
                    note(
                        other,
                        "\(verb) is not given where \(region.name) applies as well",
                        about: [grant.id, region.idOfDeny]
                    )
                }
            }
        }
        return except
    }

    /// Without those that others in the list cover.
    private func reduced(_ subjects: [Subject]) -> [Subject] {
        var kept: [Subject] = []
        for subject in subjects where !algebra.covers(kept, subject) {
            kept.removeAll { algebra.covers([subject], $0) }
            kept.append(subject)
        }
        return kept
    }

    private mutating func noteImpliedPull(_ grant: Region.Grant, in region: Region) {
        guard !grant.actions.contains(.pull), !grant.actions.isDisjoint(with: .push) else { return }
        note(
            region,
            "gives pull as well, which create and overwrite imply here",
            about: [grant.id]
        )
    }

    private mutating func note(_ region: Region, _ text: String, about rules: [String] = []) {
        let text = "\(region.name): \(text)"
        let note = ImportNote(line: region.line, text: text, rules: rules)
        if !notes.contains(note) { notes.append(note) }
    }

    private func comments(_ region: Region) -> [String] {
        ["\(region.name), line \(region.line)"] + (region.comment.map { [$0] } ?? [])
    }
}
