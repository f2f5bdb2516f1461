import AccessControl

/// How long a wrong login takes, whatever it is that is wrong with it.
///
/// An unknown user, a wrong password and a disabled account need different work. Their answers
/// leave at one time after the check began: a little more than what the slowest of the last ones
/// took (security.md 5.4). Pure.
struct FailurePace: Sendable {
    private var durations: [Identity.Provider: Window] = [:]

    /// Takes in how long a provider needed to say no, in nanoseconds.
    ///
    /// - Parameter weight: how much of the provider's dearest check this one was, 0 to 1.
    mutating func note(_ duration: Int64, weight: Double, by provider: Identity.Provider) {
        let dearest = Double(max(0, duration)) / min(1, max(0.001, weight))
        durations[provider, default: Window()].add(Int64(min(dearest, Self.longest)))
    }

    /// How long after its beginning a check may be answered with no, in nanoseconds.
    ///
    /// Every provider counts, also those that were passed over: which ones were asked tells who
    /// knows the user.
    func hold(_ providers: [any LoginProvider]) -> Int64 {
        providers.reduce(0) { sum, provider in
            guard let window = durations[provider.provider] else { return sum }
            let usual = window.slowest + window.slowest / 10
            return sum + (provider.provider == .ldap ? max(usual, Self.leastOfDirectory) : usual)
        }
    }

    private static let leastOfDirectory: Int64 = 50_000_000
    private static let longest = 10e9
}

/// The last 64 durations.
private struct Window: Sendable {
    private var last: [Int64] = []
    private var position = 0

    private static let size = 64

    mutating func add(_ duration: Int64) {
        if last.count < Self.size {
            last.append(duration)
        } else {
            last[position] = duration
            position = (position + 1) % Self.size
        }
    }

    /// The 95th of a hundred.
    var slowest: Int64 {
        let sorted = last.sorted()
        return sorted.isEmpty ? 0 : sorted[(sorted.count * 95 - 1) / 100]
    }
}
