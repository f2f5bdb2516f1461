import Foundation
import Fuzzing
import Testing

/// What the fuzzer begins with, and what it once found, as plain tests.
@Suite struct ReplayTests {
    private static let seeds = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fuzzing/Seeds")

    private static func inputs(of name: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = seeds.appendingPathComponent(name)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
            ($0, Array(try Data(contentsOf: folder.appendingPathComponent($0))))
        }
    }

    @Test("there are seeds for each target and for nothing else")
    func folders() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.seeds.path)
        #expect(folders.sorted() == FuzzTarget.all.map(\.name).sorted())
        for target in FuzzTarget.all { #expect(try !Self.inputs(of: target.name).isEmpty) }
    }

    @Test("every seed keeps what its target promises", arguments: FuzzTarget.all.map(\.name))
    func seeds(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        for input in try Self.inputs(of: name) {
            do { try target.check(input.bytes) } catch { Issue.record("\(input.name): \(error)") }
        }
    }

    /// A short walk around the seeds, the same each time; the long ones are for `scripts/fuzz`.
    @Test("so does every seed with some damage", arguments: FuzzTarget.all.map(\.name))
    func damagedSeeds(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let inputs = try Self.inputs(of: name).map(\.bytes)
        var damage = Damage(seed: 1)
        for input in inputs {
            for _ in 0..<40 {
                let bytes = damage.done(to: input, with: inputs)
                do { try target.check(bytes) } catch {
                    Issue.record("\(Data(bytes).base64EncodedString()): \(error)")
                }
            }
        }
    }
}

/// Random changes to bytes, from a seed.
private struct Damage {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    private mutating func random(below limit: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(limit))
    }

    mutating func done(to input: [UInt8], with others: [[UInt8]]) -> [UInt8] {
        var bytes = input
        for _ in 0...random(below: 3) {
            let at = random(below: bytes.count + 1)
            switch random(below: 5) {
            case 0: bytes.insert(UInt8(random(below: 256)), at: at)
            case 1 where at < bytes.count: bytes.remove(at: at)
            case 2 where at < bytes.count: bytes[at] = UInt8(random(below: 256))
            case 3: bytes.removeSubrange(at...)
            default:
                let other = others[random(below: others.count)]
                bytes.insert(contentsOf: other.suffix(random(below: other.count + 1)), at: at)
            }
        }
        return bytes
    }
}
