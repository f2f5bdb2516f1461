@testable import NetIO
@testable import ProxyServer

/// Some clients and a registry, at random, from one seed. Everything runs on the proxy's own loop,
/// so that the same seed gives the same history.
struct History {
    private let seed: UInt64
    private var dice: Dice
    private let ends: ModelEnds
    private let ledger: Ledger
    private var clients: [ModelClient] = []
    private var registry: [ModelRegistryConnection] = []

    init(seed: UInt64, _ ends: ModelEnds, _ ledger: Ledger) {
        dice = Dice(seed: seed)
        self.ends = ends
        self.ledger = ledger
        self.seed = seed
    }

    mutating func run(on stage: isolated Stage) async throws {
        for number in 0..<(1 + dice.below(4)) { try addClient(number, stage) }
        for _ in 0..<(20 + dice.below(200)) {
            try act()
            try await ends.turn(dice.below(4))
        }
        try await calmDown()
        for client in clients {
            try insist(!client.isForgotten, "a client waits and nothing moves")
            try ledger.conclude(client)
        }
        try await end(stage)
    }

    private mutating func addClient(_ number: Int, _ stage: isolated Stage) throws {
        let plans = (0..<(1 + dice.below(4))).map { index in
            Plan.random("s\(seed)c\(number)r\(index)", &dice)
        }
        let (fd, wire) = try dice.chance(40) ? Wire.pair(through: ends.clients) : Wire.pair()
        let client = ModelClient(wire, plans, pipelines: dice.chance(40))
        ledger.add(client, plans)
        clients.append(client)
        stage.serveInBackground(fd)
    }

    private mutating func act() throws {
        try acceptAll()
        if dice.chance(50), !registry.isEmpty {
            try registry[dice.below(registry.count)].act(&dice, isCalm: false)
            return
        }
        let client = clients[dice.below(clients.count)]
        let amount = dice.one(of: [1, 20, 400, 20_000, 1 << 20])
        switch dice.below(100) {
        case 0: client.leave(resetting: true)
        case 1: client.leave(resetting: false)
        case 2: client.endOutput()
        case 3..<50: client.send(atMost: amount, isCalm: false)
        default: try client.receive(atMost: amount)
        }
    }

    private mutating func acceptAll() throws {
        while let wire = ends.acceptUpstream() {
            registry.append(ModelRegistryConnection(wire, ledger))
        }
    }

    /// From here on everybody does what is expected: whatever was begun must come to its end.
    private mutating func calmDown() async throws {
        var idleTurns = 0
        var moved = Instant.now
        // A login is checked on threads of its own, which the loop's turns do not wait for.
        while idleTurns < 30
            || (clients.contains { $0.isForgotten }
                && Instant.now < moved.advanced(by: Self.patience))
        {
            try acceptAll()
            let before = progress
            for connection in registry { try connection.act(&dice, isCalm: true) }
            for client in clients {
                client.send(atMost: 1 << 20, isCalm: true)
                try client.receive(atMost: 1 << 20)
            }
            try await ends.turn(1)
            if progress != before { moved = .now }
            idleTurns = progress == before ? idleTurns + 1 : 0
        }
    }

    /// Nanoseconds without any progress after which a client that waits is forgotten.
    private static let patience: Int64 = 20_000_000_000

    /// Bytes and answers so far.
    private var progress: Int {
        clients.reduce(0) { $0 + $1.movedCount } + registry.reduce(0) { $0 + 1 + $1.movedCount }
    }

    /// Everybody leaves, and nothing may be left of them.
    private mutating func end(_ stage: isolated Stage) async throws {
        for client in clients where !client.hasLeft { client.leave(resetting: dice.chance(30)) }
        let start = Instant.now
        while stage.servedCount > 0 {
            try acceptAll()
            for connection in registry { connection.end(resetting: true) }
            registry = []
            try await ends.turn(1)
            try insist(
                start.advanced(by: Self.patience) > .now,
                "\(stage.servedCount) connections do not end")
        }
        for connection in registry { connection.end(resetting: true) }
        try await ends.turn(2)
        stage.services.upstreams.closeIdle()
        try stage.insistNothingIsLeft(but: ends.baseline)
    }
}
