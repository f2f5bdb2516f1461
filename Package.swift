// swift-tools-version: 6.2

import PackageDescription

/// Strict everywhere, from the first commit. `unsafe` must be spelled out at each use.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

/// One module of the house. `on` lists the floors below that it may stand on.
func module(_ name: String, on floors: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: floors, swiftSettings: strict)
}

/// A program that measures one part alone.
func benchmark(_ name: String, on parts: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: parts,
        path: "bench/\(name)",
        swiftSettings: strict
    )
}

func tests(of name: String, with more: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name)] + more,
        swiftSettings: strict
    )
}

let fuzzed: [Target.Dependency] = [
    "Bytes", "HTTPWire", "RegistryAPI", "AccessControl", "Authentication", "ProxyConfig", "Logbook",
    "Secrets", "NetIO", "AuditTrail", "Tokens",
]

let package = Package(
    name: "registry-proxy",
    products: [.executable(name: "registry-proxy", targets: ["RegistryProxy"])],
    targets: [
        // Floor 0: C, through the system's own headers.
        .target(name: "CLinux"),
        .target(
            name: "COpenSSL",
            dependencies: ["CLinux"],
            // Its macros would write where the sources lie into the program.
            cSettings: [.define("OPENSSL_NO_FILENAMES")],
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]
        ),
        .target(
            name: "COpenLDAP",
            linkerSettings: [.linkedLibrary("ldap"), .linkedLibrary("lber")]
        ),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        // Floor 1: bytes; sockets and time; HTTP/1.1 without sockets; hashes and secrets.
        module("Bytes"),
        module("NetIO", on: ["Bytes", "CLinux"]),
        module("HTTPWire", on: ["Bytes"]),
        module("Secrets", on: ["Bytes", "COpenSSL", "CCrypt"]),
        // Floor 2: TLS over a socket; the registry's language; what happened, in lines.
        module("NetTLS", on: ["Bytes", "NetIO", "COpenSSL"]),
        module("RegistryAPI", on: ["Bytes", "HTTPWire"]),
        module("Logbook", on: ["Bytes"]),
        module("AuditTrail", on: ["Bytes", "Secrets", "Logbook", "CZlib"]),
        // Floor 3: who it is, what they may do, what the operator wrote.
        module("AccessControl", on: ["Bytes", "RegistryAPI"]),
        module("Authentication", on: ["Bytes", "Secrets", "NetIO", "AccessControl"]),
        module("ProxyConfig", on: ["Bytes", "AccessControl", "CYAML"]),
        module("Tokens", on: ["Bytes", "NetIO", "Secrets", "RegistryAPI", "AccessControl"]),
        // Floor 4: other programs' rules made ours; a directory to ask; one request from accept to
        // record.
        module("RuleImport", on: ["Bytes", "AccessControl", "ProxyConfig"]),
        module(
            "DirectoryLDAP",
            on: [
                "Bytes", "NetIO", "NetTLS", "Secrets", "AccessControl", "Authentication",
                "COpenLDAP",
            ]
        ),
        module(
            "ProxyServer",
            on: [
                "Bytes", "NetIO", "NetTLS", "HTTPWire", "RegistryAPI", "AccessControl",
                "Authentication", "Tokens", "Logbook", "AuditTrail", "Secrets",
            ]
        ),
        // Floor 5: the program. Only it knows both the configuration and the parts.
        .executableTarget(
            name: "RegistryProxy",
            dependencies: [
                "ProxyServer", "ProxyConfig", "Authentication", "Tokens", "DirectoryLDAP",
                "AccessControl", "AuditTrail", "Logbook", "RuleImport",
                "NetIO", "NetTLS", "Secrets", "RegistryAPI", "Bytes",
            ],
            swiftSettings: strict
        ),
        // scripts/bench-rules runs it.
        benchmark("RuleBenchmark", on: ["AccessControl", "RegistryAPI", "Bytes"]),
        // scripts/bench-tokens runs it.
        benchmark(
            "TokenBenchmark",
            on: ["Tokens", "AccessControl", "RegistryAPI", "Secrets", "Bytes"]
        ),
        // scripts/bench-parts runs it.
        benchmark(
            "PartsBenchmark",
            on: [
                "AccessControl", "AllocationCount", "AuditTrail", "Authentication", "Bytes",
                "HTTPWire", "Logbook", "NetIO", "RegistryAPI", "Secrets", "Tokens",
            ]
        ),
        // The tests. TestSupport starts what they need: registries, proxies, clients, recorders.
        .target(
            name: "TestSupport",
            dependencies: ["NetIO"],
            path: "Tests/TestSupport",
            swiftSettings: strict
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "TestSupport", "AllocationCount", "Tokens", "AccessControl", "RegistryAPI",
                "Secrets", "Bytes", "NetIO",
            ],
            swiftSettings: strict
        ),
        .testTarget(name: "TidyTests", swiftSettings: strict),
        // What each parser promises, whatever it is given: `scripts/fuzz` and a test try it.
        .target(
            name: "Fuzzing",
            dependencies: fuzzed,
            path: "Tests/Fuzzing",
            exclude: ["Seeds"],
            swiftSettings: strict
        ),
        .testTarget(name: "FuzzingTests", dependencies: ["Fuzzing"], swiftSettings: strict),
        tests(of: "NetIO", with: ["Bytes"]),
        tests(of: "HTTPWire", with: ["Bytes"]),
        tests(of: "Secrets", with: ["Bytes"]),
        tests(of: "RegistryAPI", with: ["Bytes", "HTTPWire"]),
        tests(of: "Logbook", with: ["Bytes"]),
        tests(of: "AuditTrail", with: ["Bytes", "Logbook", "Secrets", "TestSupport"]),
        // Counts what a test's thread allocates.
        .target(name: "AllocationCount", path: "Tests/AllocationCount"),
        tests(
            of: "AccessControl",
            with: ["AllocationCount", "Bytes", "HTTPWire", "RegistryAPI"]
        ),
        tests(of: "Authentication", with: ["Bytes", "Secrets", "NetIO", "AccessControl"]),
        tests(
            of: "DirectoryLDAP",
            with: [
                "Bytes", "NetIO", "NetTLS", "Secrets", "AccessControl", "Authentication",
                "TestSupport",
            ]
        ),
        tests(of: "ProxyConfig", with: ["AccessControl", "Bytes"]),
        tests(
            of: "Tokens",
            with: ["AllocationCount", "AccessControl", "Bytes", "RegistryAPI", "Secrets"]
        ),
        tests(of: "RuleImport", with: ["ProxyConfig", "AccessControl", "Bytes"]),
        tests(
            of: "RegistryProxy",
            with: [
                "AuditTrail", "Logbook", "ProxyConfig", "Authentication", "Secrets", "Bytes",
                "NetIO",
            ]
        ),
        tests(of: "Bytes"),
        tests(of: "NetTLS", with: ["Bytes", "NetIO"]),
        tests(
            of: "ProxyServer",
            with: [
                "Bytes", "NetIO", "HTTPWire", "RegistryAPI", "AccessControl", "Authentication",
                "Logbook",
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

// libFuzzer brings a `main` of its own, so that its program is linked by `scripts/fuzz` alone.
if Context.environment["REGISTRY_PROXY_FUZZ"] != nil {
    let targets: [Target.Dependency] = ["Fuzzing"]
    package.targets.append(
        .executableTarget(
            name: "FuzzDriver",
            dependencies: targets,
            path: "Tests/FuzzDriver",
            swiftSettings: strict
        )
    )
}
