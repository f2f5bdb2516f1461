import Bytes

/// Finds the few rules that can be about a repository and an identity without looking at the
/// others: by a literal that their patterns have, then by the subject.
///
/// Each pattern is filed under one of its literal runs, the one that fewest patterns have: the
/// beginning of `team-7/**`, the end of `**/app-7`, the middle of `*/app-7/*`. A pattern with
/// alternatives is filed once for each. All literals that a name has are found in one pass over it.
struct RuleIndex: Sendable {
    /// One pattern of one rule.
    struct Entry {
        let rule: Int32
        let pattern: Int32
    }

    /// The entries of one subject under one literal: a range of `entries`.
    private struct Bucket {
        let subject: Int32
        let start: Int32
        var end: Int32
    }

    /// One pattern before it is filed.
    struct Draft {
        let literals: PatternLiterals
        let subjects: Set<Int>
        let rule: Int
        let pattern: Int
    }

    private(set) var entries: [Entry] = []
    private var buckets: [Bucket] = []
    /// By literal: where its buckets begin. The last is where all end.
    private var starts: [Int32] = []
    /// From a literal and a subject to the bucket.
    private let bucketNumbers: NumberTable
    /// Of names in their frame (`PatternLiterals.framed`).
    let literals: LiteralSearch

    init(_ drafts: [Draft]) {
        let choice = LiteralChoice(drafts.map(\.literals.combinations))
        literals = LiteralSearch(choice.literals)
        var places: [Place] = []
        for (draft, literals) in zip(drafts, choice.chosen) {
            for literal in literals {
                for subject in draft.subjects { places.append(Place(literal, subject, draft)) }
            }
        }
        places.sort { $0.order < $1.order }
        // In this order what belongs into one bucket stands together.
        var keys: [NumberTable.Key] = []
        for place in places {
            let entry = Int32(entries.count)
            entries.append(Entry(rule: Int32(place.rule), pattern: Int32(place.pattern)))
            if starts.count <= place.literal { starts.append(Int32(buckets.count)) }
            let key = NumberTable.Key(place.literal, place.subject)
            if key == keys.last {
                buckets[buckets.count - 1].end += 1
            } else {
                keys.append(key)
                buckets.append(
                    Bucket(subject: Int32(place.subject), start: entry, end: entry + 1))
            }
        }
        starts.append(Int32(buckets.count))
        bucketNumbers = NumberTable(zip(keys, keys.indices), count: keys.count)
    }

    /// One pattern under one literal, for one subject.
    private struct Place {
        let literal: Int
        let subject: Int
        let rule: Int
        let pattern: Int

        init(_ literal: Int, _ subject: Int, _ draft: Draft) {
            self.literal = literal
            self.subject = subject
            rule = draft.rule
            pattern = draft.pattern
        }

        var order: (Int, Int, Int, Int) { (literal, subject, rule, pattern) }
    }

    /// Indexes of the buckets under `literal`.
    func buckets(of literal: Int) -> Range<Int> {
        Int(starts[literal])..<Int(starts[literal + 1])
    }

    func subject(of bucket: Int) -> Int { Int(buckets[bucket].subject) }

    /// Indexes of `entries`.
    func entries(of bucket: Int) -> Range<Int> {
        Int(buckets[bucket].start)..<Int(buckets[bucket].end)
    }

    /// The bucket of `subject` under `literal`.
    func bucket(of subject: Int, under literal: Int) -> Int? { bucketNumbers[literal, subject] }
}
