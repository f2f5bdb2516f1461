import Bytes
import Testing

@Suite struct ByteStringTests {
    /// Swift's own strings hold both of these pairs for equal.
    @Test func equalityKnowsNoUnicode() {
        #expect(ByteString("\u{E9}") != ByteString("e\u{301}"))
        #expect(ByteString([0xFF]) != ByteString([0xFE]))
        #expect(ByteString([0xFF]).hashValue == ByteString([0xFF]).hashValue)
        #expect(Set([ByteString([0xFF]), ByteString([0xFE]), ByteString([0xFF])]).count == 2)
    }

    @Test func aSpanIsComparedByteForByte() {
        let text: ByteString = "alpine"
        for (other, isEqual) in [("alpine", true), ("Alpine", false), ("alpin", false)] {
            let answer = Array(other.utf8).span == text
            #expect(answer == isEqual)
        }
    }

    @Test func aCopyHasTheSameBytes() {
        for count in [0, 1, 15, 16, 1000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            let copy = ByteString(copying: bytes.span)
            #expect(copy.bytes == bytes)
            #expect(ByteString(bytes).count == count)
            #expect(ByteString(bytes).isEmpty == (count == 0))
        }
    }

    @Test func theOrderIsThatOfTheBytes() {
        let sorted: [ByteString] = [
            "", ByteString([0]), "A", "Z", "a", "a/b", "aa", "ab", "b", ByteString([0x80]),
            ByteString([0xFF]), ByteString([0xFF, 0]),
        ]
        for (left, first) in sorted.enumerated() {
            for (right, second) in sorted.enumerated() {
                #expect((first < second) == (left < right))
                #expect((first == second) == (left == right))
            }
        }
        #expect(sorted.shuffled().sorted() == sorted)
    }

    /// A description is for people: it may lose bytes, and must not fail.
    @Test func invalidUTF8ShowsAsReplacement() {
        #expect(ByteString([0x61, 0xFF, 0x62]).description == "a\u{FFFD}b")
        #expect("\(ByteString("ä"))" == "ä")
    }
}

@Suite struct PlaceTests {
    @Test func aPlaceIsARangeOfPositions() {
        let place = Place(2, 5)
        #expect(place.range == 2..<5)
        #expect(place.count == 3)
        #expect(!place.isEmpty)
        #expect(Place.none.isEmpty)
        let bytes = Array("abcdefg".utf8)
        let isThere = bytes.span.extracting(place).elementsEqual("cde")
        #expect(isThere)
        let isEmptyAtTheEnd = bytes.span.extracting(Place(7, 7)).isEmpty
        #expect(isEmptyAtTheEnd)
    }

    @Test func aPlaceOutsideOrBackwardsIsAMistake() async {
        await #expect(processExitsWith: .failure) { _ = Place(3, 2) }
        await #expect(processExitsWith: .failure) { _ = Place(-1, 2) }
        await #expect(processExitsWith: .failure) {
            let bytes: [UInt8] = [1, 2]
            _ = bytes.span.extracting(Place(1, 3)).count
        }
    }
}
