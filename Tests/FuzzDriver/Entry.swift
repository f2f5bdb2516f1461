import Foundation
import Fuzzing

/// One input; a finding ends the process, and libFuzzer keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // SAFETY: libFuzzer's `count` bytes at `data` stay during the call; they are copied.
    let bytes = unsafe [UInt8](UnsafeBufferPointer(start: data, count: count))
    do {
        try chosenTarget.check(bytes)
    } catch {
        fatalError("finding in \(chosenTarget.name): \(error)")
    }
    return 0
}
