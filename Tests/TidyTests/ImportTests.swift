// Imports go down only. The manifest says who may stand on whom; each `import` line is held to it.

import Testing

@Suite struct ImportTests {
    /// Modules of the system that any module may use.
    static let system: Set = ["Glibc", "Synchronization"]

    /// Modules that open no socket, read no file and know no C: what faces the attacker is tested
    /// without any of it.
    static let pure = ["Bytes", "HTTPWire", "RegistryAPI", "AccessControl"]

    /// The modules that may import a C module, each in its own unsafe rooms.
    static let rooms: [String: Set<String>] = [
        "CLinux": ["NetIO"],
        "COpenSSL": ["NetTLS", "Secrets"],
        "COpenLDAP": ["DirectoryLDAP"],
        "CCrypt": ["Secrets"],
        "CYAML": ["ProxyConfig"],
        "CZlib": ["AuditTrail"],
    ]

    /// Files that take constants from a C module and do nothing unsafe with it.
    static let constantsOnly: Set = ["Sources/NetIO/Connecting.swift"]

    /// What each module may import, read from the manifest.
    static func table() throws -> [String: Set<String>] {
        let manifest = try SourceTree.text("Package.swift")
        var table: [String: Set<String>] = [:]
        let module = #/module\(\s*"(\w+)"(?:,\s*on:\s*\[([^\]]*)\])?/#
        for match in manifest.matches(of: module) {
            table[String(match.1)] = names(match.2 ?? "")
        }
        let program = #/executableTarget\(\s*name:\s*"(\w+)",\s*dependencies:\s*\[([^\]]*)\]/#
        for match in manifest.matches(of: program) { table[String(match.1)] = names(match.2) }
        return table
    }

    private static func names(_ text: Substring) -> Set<String> {
        Set(text.matches(of: #/"(\w+)"/#).map { String($0.1) })
    }

    @Test("the manifest is understood by this test")
    func manifest() throws {
        let table = try Self.table()
        let modules = Set(SourceTree.sources.map(\.module))
        #expect(Set(table.keys) == modules)
        #expect(table["HTTPWire"] == ["Bytes"])
        #expect(table["RegistryProxy"]?.contains("ProxyServer") == true)
    }

    @Test("each module imports only what the manifest allows it")
    func imports() throws {
        let table = try Self.table()
        for file in SourceTree.sources {
            let allowed = table[file.module, default: []].union(Self.system)
            for line in file.code {
                guard let name = Self.imported(line) else { continue }
                #expect(allowed.contains(name), "\(file): import \(name)")
            }
        }
    }

    @Test("the table of the README says what the manifest says")
    func readme() throws {
        let table = try Self.table()
        let row = #/\n\| `(\w+)` \| ([\w, ]+) \|/#
        var named: Set<String> = []
        for match in try SourceTree.text("README.md").matches(of: row) {
            guard let allowed = table[String(match.1)], !match.2.hasPrefix("all of") else {
                continue
            }
            let names = match.2.split(separator: ", ").map(String.init).filter { $0 != "nothing" }
            #expect(Set(names) == allowed, "\(match.1)")
            named.insert(String(match.1))
        }
        #expect(named == Set(table.keys).subtracting(["RegistryProxy"]))
    }

    @Test("the pure modules stand on pure modules alone", arguments: pure)
    func purity(module: String) throws {
        let table = try Self.table()
        var reached: Set<String> = []
        var left = [module]
        while let next = left.popLast() {
            guard reached.insert(next).inserted else { continue }
            left += table[next, default: []]
        }
        #expect(reached.isSubset(of: Self.pure), "\(reached.sorted())")
    }

    @Test("the pure modules do not ask the system either", arguments: pure)
    func noSystemCalls(module: String) {
        for file in SourceTree.sources where file.module == module {
            for line in file.code { #expect(Self.imported(line) != "Glibc", "\(file): \(line)") }
        }
    }

    @Test("each C module is imported by the modules that own its room, and by few files of them")
    func rooms() {
        for (module, owners) in Self.rooms {
            let importers = SourceTree.sources.filter { file in
                file.code.contains { Self.imported($0) == module }
            }
            let strangers = importers.filter { !owners.contains($0.module) }
            #expect(strangers.isEmpty, "import \(module) in \(strangers)")
            for file in importers where !Self.constantsOnly.contains(file.path) {
                #expect(UnsafeTests.rooms.contains(file.path), "\(file) imports \(module)")
            }
        }
    }

    @Test("no file imports a module twice")
    func repeated() {
        for file in SourceTree.sources + SourceTree.tests {
            let names = file.code.compactMap(Self.imported)
            #expect(Set(names).count == names.count, "\(file): \(names)")
        }
    }

    /// The module that a line imports: `public import struct A.B` is A.
    static func imported(_ line: String) -> String? {
        guard line.contains("import ") else { return nil }
        let pattern =
            #/(?:@\w+ )?(?:(?:public|package|internal|private|fileprivate) )?import (?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+).*/#
        return line.wholeMatch(of: pattern).map { String($0.1) }
    }
}
