import Bytes

extension Span<UInt8> {
    /// A number in whose low 32 bits every byte has its part, to choose a place by. Anybody can
    /// find texts with the same one.
    var mixedHash: UInt64 {
        var hash: UInt64 = 0
        for index in indices { hash = (hash ^ UInt64(self[index])) &* 0x100_0000_01B3 }
        return (hash &* 0x9E37_79B9_7F4A_7C15) >> 32
    }
}
