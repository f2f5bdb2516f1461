import Foundation
import Fuzzing

// The program that `scripts/fuzz` builds: libFuzzer, which has `main`, calls the function below
// with whatever it thinks of. Built only with REGISTRY_PROXY_FUZZ set, since nothing but a fuzzer
// can be linked from it.

/// What is fuzzed: the one named by REGISTRY_PROXY_FUZZ_TARGET.
let chosenTarget: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["REGISTRY_PROXY_FUZZ_TARGET"] ?? ""
    guard let found = FuzzTarget.all.first(where: { $0.name == name }) else {
        let known = FuzzTarget.all.map(\.name).joined(separator: " ")
        FileHandle.standardError.write(
            Data("REGISTRY_PROXY_FUZZ_TARGET is one of: \(known)\n".utf8))
        exit(2)
    }
    return found
}()
