import Testing

@testable import Bytes

extension Buffer {
    fileprivate convenience init(capacity: Int, _ text: StaticString) {
        self.init(capacity: capacity)
        append(text)
    }

    fileprivate var text: String { ByteString(copying: bytes).description }
}

@Suite struct BufferTests {
    @Test func aNewBufferIsEmptyAndHasAllItsRoom() {
        for capacity in [0, 1, 2047, 2048, 4096, 70_000] {
            let buffer = Buffer(capacity: capacity)
            #expect(buffer.isEmpty)
            #expect(buffer.count == 0)
            #expect(buffer.capacity == capacity)
            #expect(buffer.room == capacity)
        }
    }

    /// The slow case of `rep movsb` is met where the places differ by 1 to 16 modulo 4096.
    @Test func itsMemoryBeginsHalfAPageAfterAPage() {
        for capacity in [4096, 16_704, 526_592] {
            let address = unsafe UInt(bitPattern: Buffer(capacity: capacity).baseAddress)
            #expect(address % 4096 == 2048)
        }
    }

    @Test func whatIsAppendedStandsInOrder() {
        let buffer = Buffer(capacity: 64)
        buffer.append(UInt8(ascii: "a"))
        buffer.append("bc" as StaticString)
        buffer.append(Array("de".utf8))
        buffer.append(Array("fg".utf8).span)
        buffer.append(ByteString("hi"))
        buffer.append("" as StaticString)
        buffer.append([])
        #expect(buffer.text == "abcdefghi")
        #expect(buffer.room == 64 - 9)
    }

    @Test func itCanBeFilledToItsLastByte() {
        let buffer = Buffer(capacity: 4)
        buffer.append("abcd" as StaticString)
        #expect(buffer.room == 0)
        buffer.append("" as StaticString)
        #expect(buffer.text == "abcd")
    }

    @Test func everyCutConsumesTheFrontAndLeavesTheRest() {
        for cut in 0...6 {
            let buffer = Buffer(capacity: 8, "abcdef")
            buffer.consume(cut)
            #expect(buffer.text == String("abcdef".dropFirst(cut)))
            // An emptied buffer begins at the front again.
            #expect(buffer.start == (cut == 6 ? 0 : cut))
            #expect(buffer.room == (cut == 6 ? 8 : 2))
        }
    }

    @Test func everyCutTruncatesTheEnd() {
        for cut in 0...5 {
            let buffer = Buffer(capacity: 8, "abcdef")
            buffer.consume(1)
            buffer.truncate(to: cut)
            #expect(buffer.text == String("bcdef".prefix(cut)))
        }
    }

    @Test func compactingMovesTheBytesToTheFront() {
        for cut in 0...6 {
            let buffer = Buffer(capacity: 6, "abcdef")
            buffer.consume(cut)
            buffer.compact()
            #expect(buffer.text == String("abcdef".dropFirst(cut)))
            #expect(buffer.start == 0)
            #expect(buffer.room == cut)
            while buffer.room > 0 { buffer.append(UInt8(ascii: "x")) }
            #expect(buffer.text == "abcdef".dropFirst(cut) + String(repeating: "x", count: cut))
        }
    }

    @Test func whatIsPrependedComesFirst() {
        let buffer = Buffer(capacity: 16)
        buffer.reserveFront(8)
        #expect(buffer.isEmpty)
        #expect(buffer.room == 8)
        buffer.append("body" as StaticString)
        buffer.prepend(Array("ad-".utf8).span)
        buffer.prepend(Array("he".utf8).span)
        buffer.prepend(Array("".utf8).span)
        #expect(buffer.text == "head-body")
        #expect(buffer.start == 3)
    }

    /// The room of consumed bytes is free again, too.
    @Test func bytesCanBePrependedWhereOthersWereConsumed() {
        let buffer = Buffer(capacity: 6, "abcdef")
        buffer.consume(2)
        buffer.prepend(Array("xy".utf8).span)
        #expect(buffer.text == "xycdef")
        #expect(buffer.start == 0)
    }

    @Test func clearingForgetsEverything() {
        let buffer = Buffer(capacity: 6, "abcdef")
        buffer.consume(2)
        buffer.clear()
        #expect(buffer.isEmpty)
        #expect(buffer.room == 6)
    }

    @Test(
        "a number is written in decimal digits",
        arguments: [0, 1, 9, 10, 99, 100, 101, 65_535, 1_000_000, 9_007_199_254_740_993, Int.max]
    )
    func decimal(value: Int) {
        let buffer = Buffer(capacity: 21, ">")
        buffer.append(decimal: value)
        #expect(buffer.text == ">\(value)")
        let read = buffer.bytes.extracting(1..<buffer.count).decimalValue
        #expect(read == value)
    }

    @Test func fillingIsOfferedNoMoreThanTheRoomAndTheLimit() {
        let buffer = Buffer(capacity: 10, "abcd")
        for (limit, offered) in [(0, 0), (1, 1), (6, 6), (7, 6), (Int.max, 6)] {
            var seen = -1
            let result = unsafe buffer.fill(atMost: limit) { _, count in
                seen = count
                return -5
            }
            #expect(seen == offered)
            // What is no count of bytes is the caller's to understand.
            #expect(result == -5)
            #expect(buffer.text == "abcd")
        }
    }

    @Test func whatAFillSaysItWroteIsFilled() {
        let buffer = Buffer(capacity: 10, "abcd")
        let count = unsafe buffer.fill { room, _ in
            unsafe room.storeBytes(of: UInt8(ascii: "e"), as: UInt8.self)
            return 1
        }
        #expect(count == 1)
        #expect(buffer.text == "abcde")
        unsafe buffer.didFill(to: 5)
        #expect(buffer.text == "abcde")
    }

    /// A mistake of ours must end the process, not write behind the region.
    @Test func appendingWithoutRoomIsAMistake() async {
        await #expect(processExitsWith: .failure) {
            let buffer = Buffer(capacity: 3)
            buffer.append("abcd" as StaticString)
        }
        await #expect(processExitsWith: .failure) {
            let buffer = Buffer(capacity: 3)
            buffer.append([1, 2, 3, 4])
        }
        await #expect(processExitsWith: .failure) {
            let buffer = Buffer(capacity: 0)
            buffer.append(1 as UInt8)
        }
    }

    @Test func consumingMoreThanThereIsIsAMistake() async {
        await #expect(processExitsWith: .failure) {
            let buffer = Buffer(capacity: 3)
            buffer.append(1 as UInt8)
            buffer.consume(2)
        }
        await #expect(processExitsWith: .failure) {
            let buffer = Buffer(capacity: 3)
            buffer.append(1 as UInt8)
            buffer.truncate(to: 2)
        }
    }

    @Test func prependingWithoutReservedRoomIsAMistake() async {
        await #expect(processExitsWith: .failure) {
            let buffer = Buffer(capacity: 8)
            buffer.append(1 as UInt8)
            let more: [UInt8] = [2]
            buffer.prepend(more.span)
        }
    }
}
