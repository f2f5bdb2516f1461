import Foundation
import Testing

/// Random histories of clients and a registry, right and hostile, cut and stalled anywhere, and
/// what must hold of each: nothing reaches the registry that was not allowed, no answer crosses,
/// each request has one line, nothing is left behind.
///
/// A failure names its seed; `REGISTRY_PROXY_MODEL_SEED=N` runs that one alone, and
/// `REGISTRY_PROXY_MODEL_COUNT=N` that many instead of the usual ones.
@Suite struct ModelTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    private static let perStage: UInt64 = 50

    private static var stages: [Range<UInt64>] {
        if let seed = number("REGISTRY_PROXY_MODEL_SEED") { return [seed..<(seed + 1)] }
        let count = number("REGISTRY_PROXY_MODEL_COUNT") ?? 100
        let first = number("REGISTRY_PROXY_MODEL_FIRST") ?? 0
        return stride(from: first, to: first + count, by: Int(perStage)).map {
            $0..<min($0 + perStage, first + count)
        }
    }

    @Test(
        "whatever happens, nothing crosses, nothing is lost and nothing is left", arguments: stages)
    func histories(seeds: Range<UInt64>) async throws {
        let (stage, bound) = try Stage.forModel()
        let failure = try await stage.run { stage async throws -> String? in
            let ends = try ModelEnds(upstream: bound, on: stage.loop)
            defer { ends.close() }
            try await stage.logEverybodyIn(ends)
            return await stage.firstFailure(of: seeds, ends)
        }
        if let failure { Issue.record("\(failure)") }
    }
}

extension Stage {
    /// Runs one history after another, until one fails.
    fileprivate func firstFailure(of seeds: Range<UInt64>, _ ends: ModelEnds) async -> String? {
        let ledger = Ledger()
        for seed in seeds {
            do {
                var history = History(seed: seed, ends, ledger)
                try await history.run(on: self)
            } catch {
                return "REGISTRY_PROXY_MODEL_SEED=\(seed): \(error)"
            }
        }
        do {
            try ledger.check(try log())
            return nil
        } catch {
            return "\(error)"
        }
    }
}
