// What each part of a small request costs alone: `scripts/bench-parts`.

import AllocationCount

/// One part, done many times.
struct Part {
    let name: String
    /// Does it `count` times.
    let work: (_ count: Int) -> Void
}

/// Times of many runs, in nanoseconds for each time that the part was done.
struct Sample {
    private var sorted: [Double]

    init(of part: Part, runs: Int, timesEach count: Int) {
        sorted = (0..<runs).map { _ in
            let time = ContinuousClock().measure { part.work(count) }.components
            return (Double(time.seconds) * 1e9 + Double(time.attoseconds) / 1e9) / Double(count)
        }
        sorted.sort()
    }

    var median: Int { Int(sorted[sorted.count / 2].rounded()) }
    var percentile99: Int { Int(sorted[sorted.count * 99 / 100].rounded()) }
}

/// How often the part asks for memory once everything it keeps is there.
func allocations(of part: Part, times count: Int) -> Double {
    let before = allocation_count()
    part.work(count)
    return Double(allocation_count() - before) / Double(count)
}

for part in try await parts() {
    part.work(1000)
    let sample = Sample(of: part, runs: 200, timesEach: 1000)
    let memory = (allocations(of: part, times: 10_000) * 100).rounded() / 100
    print("\(part.name) \(sample.median) ns, p99 \(sample.percentile99) ns, \(memory) allocations")
}
