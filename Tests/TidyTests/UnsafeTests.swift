// Unsafe code lives in a few rooms, and each use says why it is sound.

import Testing

@Suite struct UnsafeTests {
    /// The files that may say `unsafe`. To add one is a decision, not an accident.
    static let rooms: Set<String> = [
        "Sources/AuditTrail/FileCalls.swift",
        "Sources/AuditTrail/Gzip.swift",
        "Sources/Bytes/ASCII.swift",
        "Sources/Bytes/Buffer.swift",
        "Sources/Bytes/ByteString.swift",
        "Sources/DirectoryLDAP/LDAPCalls.swift",
        "Sources/Logbook/System.swift",
        "Sources/NetIO/BlockingPool.swift",
        "Sources/NetIO/BlockingSocket.swift",
        "Sources/NetIO/ByteLocks.swift",
        "Sources/NetIO/Channel.swift",
        "Sources/NetIO/EventLoop.swift",
        "Sources/NetIO/HostAddresses.swift",
        "Sources/NetIO/ListeningSocket.swift",
        "Sources/NetIO/Locked.swift",
        "Sources/NetIO/ReadyJobs.swift",
        "Sources/NetIO/SignalQueue.swift",
        "Sources/NetIO/SocketAddress.swift",
        "Sources/NetIO/StartArguments.swift",
        "Sources/NetIO/Successor.swift",
        "Sources/NetIO/SystemCalls.swift",
        "Sources/NetIO/Waiter.swift",
        "Sources/NetTLS/TLSClientContext+Digest.swift",
        "Sources/NetTLS/TLSClientContext.swift",
        "Sources/NetTLS/TLSClientSession.swift",
        "Sources/NetTLS/TLSClientContext.swift",
        "Sources/NetTLS/TLSContext.swift",
        "Sources/NetTLS/TLSRecordLayer.swift",
        "Sources/ProxyConfig/FileBytes.swift",
        "Sources/ProxyConfig/FileStamp.swift",
        "Sources/ProxyConfig/YAMLEvents.swift",
        "Sources/ProxyServer/Reception.swift",
        "Sources/ProxyServer/UpstreamProbe.swift",
        "Sources/ProxyServer/Worker.swift",
        "Sources/RegistryProxy/CommandLineOutput.swift",
        "Sources/RegistryProxy/TerminalPassword.swift",
        "Sources/Secrets/AppendedFile.swift",
        "Sources/Secrets/CryptCalls.swift",
        "Sources/Secrets/DigestCalls.swift",
        "Sources/Secrets/Ed25519.swift",
        "Sources/Secrets/PasswordHash+Formats.swift",
        "Sources/Secrets/RandomBytes.swift",
        "Sources/Secrets/SealingKey.swift",
        "Sources/Secrets/SecretBytes.swift",
        "Sources/Secrets/SecretFile+Create.swift",
        "Sources/Secrets/SecretFile+Replace.swift",
        "Sources/Secrets/SecretFile.swift",
    ]

    private func usesUnsafe(_ line: String) -> Bool {
        line.contains("unsafe") && line.contains(#/\bunsafe\b/#)
            && !line.contains("nonisolated(unsafe)")
    }

    @Test("`unsafe` stands only in the rooms")
    func onlyInRooms() {
        for file in SourceTree.sources where !Self.rooms.contains(file.path) {
            for (number, line) in file.code.enumerated() where usesUnsafe(line) {
                Issue.record("\(file):\(number + 1): \(line)")
            }
        }
    }

    @Test("every room is a file, and is one because it says `unsafe`")
    func roomsExist() {
        let used = Set(
            SourceTree.sources.filter { $0.code.contains(where: usesUnsafe) }.map(\.path))
        #expect(Self.rooms.subtracting(used).isEmpty)
    }

    /// One reason may serve a whole type, whose pointer it explains; each type needs its own.
    @Test("each top-level declaration with `unsafe` in it has a SAFETY: line")
    func reasons() {
        for file in SourceTree.sources {
            var firstUse: Int?
            var hasReason = false
            for (number, line) in file.lines.enumerated() {
                hasReason = hasReason || line.contains("SAFETY:")
                if firstUse == nil && usesUnsafe(file.code[number]) { firstUse = number }
                guard line.hasPrefix("}") || number == file.lines.count - 1 else { continue }
                if let use = firstUse, !hasReason {
                    Issue.record("\(file):\(use + 1): no SAFETY: line in this declaration")
                }
                firstUse = nil
                hasReason = false
            }
        }
    }

    @Test("@unchecked Sendable and nonisolated(unsafe) have a SAFETY: line next to them")
    func uncheckedSendable() {
        for file in SourceTree.sources + SourceTree.tests {
            for (number, line) in file.code.enumerated() {
                let isClaim =
                    line.contains("@unchecked " + "Sendable")
                    || line.contains("nonisolated(unsafe)")
                guard isClaim else { continue }
                let near = file.lines[max(0, number - 4)...min(number + 2, file.lines.count - 1)]
                #expect(near.contains { $0.contains("SAFETY:") }, "\(file):\(number + 1): \(line)")
            }
        }
    }
}
