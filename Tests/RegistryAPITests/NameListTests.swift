import Bytes
import RegistryAPI
import Testing

private func names(
    in json: [UInt8],
    key: StaticString = "repositories"
) -> [ByteString]? {
    NameList.parse(json.span, key: key).map { table in
        (0..<table.count).map { ByteString(copying: table[$0]) }
    }
}

private func parse(_ json: String, key: StaticString = "repositories") -> [String]? {
    names(in: Array(json.utf8), key: key)?.map(\.description)
}

@Suite struct NameListTests {
    @Test(
        "a list of names is read in its order",
        arguments: [
            (#"{"repositories":["a","b/c","d"]}"#, ["a", "b/c", "d"]),
            (#"{"repositories":[]}"#, []),
            (#"{"repositories":null}"#, []),
            (" \r\n{\t\"repositories\" : [ \"a\" ,\n\"b\" ] } \n", ["a", "b"]),
            (#"{"name":"x","repositories":["a"]}"#, ["a"]),
            (#"{"repositories":["a"],"name":"x"}"#, ["a"]),
            (#"{"n\"ame":"x\\","repositories":["a"]}"#, ["a"]),
            (#"{"repositories":["ä","a b",""]}"#, ["ä", "a b", ""]),
        ]
    )
    func read(json: String, names: [String]) {
        #expect(parse(json) == names)
    }

    @Test func tagsAreReadUnderTheirOwnKey() {
        #expect(parse(#"{"name":"a","tags":["v1","v2"]}"#, key: "tags") == ["v1", "v2"])
        #expect(parse(#"{"name":"a","tags":null}"#, key: "tags") == [])
        #expect(parse(#"{"name":"a","tags":["v1"]}"#, key: "name") == nil)
    }

    /// No name that passes the grammar needs an escape, so nothing visible gets lost.
    @Test func namesWithEscapesAreLeftOut() {
        #expect(parse(#"{"repositories":["a","b\u0063","\"","\\","d"]}"#) == ["a", "d"])
    }

    @Test(
        "what is no list of names is refused",
        arguments: [
            "", " ", "null", "[]", "{}", "true", "0", "\"repositories\"", "{\"repositories\"}",
            #"{"repositories":}"#, #"{"repositories":true}"#, #"{"repositories":1}"#,
            #"{"repositories":"a"}"#, #"{"repositories":{}}"#, #"{"repositories":[null]}"#,
            #"{"repositories":[1]}"#, #"{"repositories":[true]}"#, #"{"repositories":[{}]}"#,
            #"{"repositories":[["a"]]}"#, #"{"repositories":["a",]}"#, #"{"repositories":[,]}"#,
            #"{"repositories":["a" "b"]}"#, #"{"repositories":["a"]"#, #"{"repositories":nul}"#,
            #"{"repositories":["a"],}"#, #"{"other":["a"]}"#, #"{"other":"a"}"#,
            #"{repositories:["a"]}"#, #"{'repositories':['a']}"#, #"{"Repositories":["a"]}"#,
            #"{"repositories":["a\"]}"#, #"{"repositories":["a\"#, "{\"repositories\":[\"",
        ]
    )
    func refused(json: String) {
        #expect(parse(json) == nil)
    }

    /// Found by the fuzzer: only the brackets and quotes were looked at.
    @Test func whatIsNoJSONIsRefusedThoughItsBracketsAreRight() {
        for text in [
            #"{"repositories":["a"]}x"#, #"{"repositories":["a"]}}"#, #"{"repositories":["\x"]}"#,
            #"{"repositories":["\u12g4"]}"#, "{\"repositories\":[\"a\nb\"]}",
        ] {
            #expect(parse(text) == nil)
        }
        #expect(names(in: Array("{\"repositories\":[\"".utf8) + [0xFF, 0x22, 0x5D, 0x7D]) == nil)
        #expect(parse("{\"repositories\":[\"a\"]} \n") == ["a"])
    }

    @Test func everyProperPrefixIsRefused() {
        let json = Array(#"{"name" : "a\\b" , "repositories":["a","b\"c", "d" ]  }"#.utf8)
        for length in 0..<json.count {
            #expect(names(in: Array(json[..<length])) == nil)
        }
        #expect(names(in: json) == ["a", "d"])
    }

    /// A reader that recursed would run out of stack.
    @Test func deepNestingIsRefusedAtItsFirstLevel() {
        for (open, depth) in [("[", 1_000_000), ("{\"a\":", 300_000)] {
            let nested = String(repeating: open, count: depth)
            #expect(parse(nested) == nil)
            #expect(parse("{\"repositories\":" + nested) == nil)
            #expect(parse("{\"name\":" + nested) == nil)
        }
    }

    /// Each byte in each place of a good list: nothing traps, and nothing but names comes out.
    @Test func everySingleChangedByteIsReadOrRefused() {
        let json = Array(#"{"name":"x","repositories":["a","b"]}"#.utf8)
        for index in json.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = json
                changed[index] = byte
                #expect((names(in: changed)?.count ?? 0) <= 2)
            }
        }
    }

    @Test func whatIsWrittenIsReadAgain() {
        var lists: [[ByteString]] = [[], ["a"], ["a", "b/c", "d.e_f-g"]]
        lists.append((0..<1000).map { ByteString("team-\($0)/app__\($0 % 7)") })
        // Every byte of ASCII that stands in a JSON string as it is.
        for byte in UInt8(0x20)...0x7F where byte != 0x22 && byte != 0x5C {
            lists.append([ByteString([byte]), ByteString([0x61, byte, 0x62])])
        }
        for list in lists {
            let json = NameList.json(key: "tags", list)
            #expect(names(in: json.bytes, key: "tags") == list)
        }
    }

    @Test func anEmptyListIsNoNull() {
        #expect(NameList.json(key: "repositories", []) == #"{"repositories":[]}"#)
        #expect(NameList.json(key: "repositories", ["a", "b"]) == #"{"repositories":["a","b"]}"#)
    }

    @Test func theNextPageBeginsBehindTheLastName() {
        #expect(
            NameList.nextCatalogPage(after: "team/app", count: 20)
                == #"</v2/_catalog?last=team/app&n=20>; rel="next""#
        )
        #expect(
            NameList.nextCatalogPage(after: nil, cursor: "0a1b", count: 3)
                == #"</v2/_catalog?n=3&_pc=0a1b>; rel="next""#
        )
        #expect(
            NameList.nextCatalogPage(after: "a", cursor: "0a", count: 3)
                == #"</v2/_catalog?last=a&n=3&_pc=0a>; rel="next""#
        )
    }

    @Test func theNextPageOfTagsNamesItsRepository() throws {
        let bytes = Array("team/app".utf8)
        let validated = RepositoryName(validating: bytes.span)
        let name = try #require(validated)
        #expect(
            NameList.nextTagPage(of: name, after: "v1", count: 2)
                == #"</v2/team/app/tags/list?last=v1&n=2>; rel="next""#
        )
        #expect(
            NameList.nextTagPage(of: name, after: "v1", count: nil)
                == #"</v2/team/app/tags/list?last=v1>; rel="next""#
        )
        let json = NameList.json(key: "tags", ["v1"], of: name)
        #expect(json == #"{"name":"team/app","tags":["v1"]}"#)
    }
}
