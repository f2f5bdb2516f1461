public import Bytes
public import Logbook

/// One thing that happened to the registry, or was kept from happening: what, by whom, and why it
/// was allowed or not (product contract, section 7).
///
/// Parts that are not known stay `nil` or empty and are left out of the line.
public struct AuditRecord: Sendable, Equatable {
    public var time: WallTime
    public var event: Event
    public var outcome: Outcome
    public var who = Who()
    public var what = What()
    public var why = Why()
    public var http: HTTP?
    /// How many equal things this record stands for; how many records a `gap` is about.
    public var count: Int?
    /// When the first of the counted things happened.
    public var since: WallTime?
    /// More about it in words: what a configuration changed or what was wrong with it, what a token
    /// is for.
    public var notes: [String] = []

    public init(_ event: Event, _ outcome: Outcome = .done, at time: WallTime = .now) {
        self.time = time
        self.event = event
        self.outcome = outcome
    }

    public enum Outcome: Sendable, CaseIterable {
        case done, denied, failed
        /// The registry was asked and did not say how it went.
        case unconfirmed

        public var text: StaticString {
            switch self {
            case .done: "done"
            case .denied: "denied"
            case .failed: "failed"
            case .unconfirmed: "unconfirmed"
            }
        }
    }

    public struct Who: Sendable, Equatable {
        /// A verified user; one that was only claimed stands in `claimed`.
        public var user: ByteString?
        public var claimed: ByteString?
        /// What verified the user: `htpasswd`, `ldap`, `certificate`, `token`, `anonymous`.
        public var auth: StaticText?
        public var groups: [ByteString] = []
        public var address: ByteString?
        public var userAgent: ByteString?

        public init() {}
    }

    public struct What: Sendable, Equatable {
        public var action: StaticText?
        public var repository: ByteString?
        public var tag: ByteString?
        public var digest: ByteString?
        /// The digest that a tag had before.
        public var was: ByteString?
        /// Bytes; of a pull, with those of the blobs that were fetched with it.
        public var size: Int?
        /// The repository that a blob was mounted from.
        public var from: ByteString?

        public init() {}
    }

    public struct Why: Sendable, Equatable {
        /// Ids of the rules that allowed it.
        public var allow: [ByteString] = []
        /// Ids of the rules that forbade it.
        public var deny: [ByteString] = []
        /// Which kind of failure, never what was sent; of a change, what about it could not be
        /// found out.
        public var reason: StaticText?
        public var generation: Int?

        public init() {}
    }

    public struct HTTP: Sendable, Equatable {
        public var id: RequestID
        /// What a trusted proxy in front calls the request; then that is its id, here too.
        public var givenID: GivenRequestID?
        public var method: StaticText?
        public var status: Int?
        /// How long the request had taken when the record was made.
        public var nanoseconds: Int64?

        public init(id: RequestID) { self.id = id }
    }
}

extension AuditRecord {
    /// What a record is about. The texts are the contract's.
    public enum Event: UInt8, Sendable, CaseIterable {
        case manifestCreate, manifestOverwrite, manifestPull, manifestDelete, tagDelete
        case blobPush, blobMount, mountDowngraded, blobDelete
        case accessDenied, authSucceeded, authFailed, authGuessing
        case tokenIssued, tokenCreated, tokenRevoked
        case configLoaded, configRefused
        case ldapDown, ldapUp, ldapStale
        case serverStarted, serverStopped
        case gap, checkpoint

        public var text: StaticString {
            switch self {
            case .manifestCreate: "manifest.create"
            case .manifestOverwrite: "manifest.overwrite"
            case .manifestPull: "manifest.pull"
            case .manifestDelete: "manifest.delete"
            case .tagDelete: "tag.delete"
            case .blobPush: "blob.push"
            case .blobMount: "blob.mount"
            case .mountDowngraded: "mount.downgraded"
            case .blobDelete: "blob.delete"
            case .accessDenied: "access.denied"
            case .authSucceeded: "auth.succeeded"
            case .authFailed: "auth.failed"
            case .authGuessing: "auth.guessing"
            case .tokenIssued: "token.issued"
            case .tokenCreated: "token.created"
            case .tokenRevoked: "token.revoked"
            case .configLoaded: "config.loaded"
            case .configRefused: "config.refused"
            case .ldapDown: "ldap.down"
            case .ldapUp: "ldap.up"
            case .ldapStale: "ldap.stale"
            case .serverStarted: "server.started"
            case .serverStopped: "server.stopped"
            case .gap: "gap"
            case .checkpoint: "checkpoint"
            }
        }

        /// Whether it changes what the registry holds, or who may change it with a robot token.
        public var isChange: Bool {
            switch self {
            case .manifestCreate, .manifestOverwrite, .manifestDelete, .tagDelete, .blobPush,
                .blobMount, .blobDelete, .tokenCreated, .tokenRevoked:
                true
            case .manifestPull, .mountDowngraded, .accessDenied, .authSucceeded, .authFailed,
                .authGuessing, .tokenIssued, .configLoaded, .configRefused, .ldapDown, .ldapUp,
                .ldapStale, .serverStarted, .serverStopped, .gap, .checkpoint:
                false
            }
        }
    }
}

extension AuditRecord {
    /// Whether something is otherwise since, or perhaps is: the record must not be lost.
    public var isChange: Bool { event.isChange && (outcome == .done || outcome == .unconfirmed) }
}

/// A text of the program's own that records can be compared by.
public struct StaticText: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let text: StaticString

    public init(_ text: StaticString) { self.text = text }
    public init(stringLiteral text: StaticString) { self.text = text }

    public var description: String { text.description }

    public static func == (left: StaticText, right: StaticText) -> Bool {
        left.description == right.description
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
