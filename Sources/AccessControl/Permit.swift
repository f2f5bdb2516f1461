public import Bytes
public import RegistryAPI

/// The rules' answer to one request.
public enum Verdict: ~Copyable, Sendable {
    case permitted(Permit)
    case denied(Denial)
}

/// Proof that one identity may perform one operation, once.
///
/// Only this module can make one (its initializer is internal), the forwarder demands one, and it
/// cannot be copied. A request that skipped authorization does not compile, and neither does using
/// one permit for two requests.
public struct Permit: ~Copyable, Sendable {
    /// What to ask of the upstream. A mount whose `from` may not be pulled has become an
    /// `uploadStart` without digest.
    public let operation: RegistryOperation
    public let isMountDowngraded: Bool
    /// New tags may be made.
    public let mayCreate: Bool
    /// Existing tags may be moved.
    public let mayOverwrite: Bool
    /// For a PUT that sets tags, if exactly one of `mayCreate` and `mayOverwrite` holds: the answer
    /// to give should the tag turn out to need the other one. Else `nil`.
    public let otherwise: Denial?
    /// The rules that allow it. Empty where no right is needed.
    public let ruleIDs: [ByteString]

    init(
        _ operation: RegistryOperation,
        isMountDowngraded: Bool = false,
        granted: Actions = [],
        otherwise: Denial? = nil,
        ruleIDs: [ByteString] = []
    ) {
        self.operation = operation
        self.isMountDowngraded = isMountDowngraded
        mayCreate = granted.contains(.create)
        mayOverwrite = granted.contains(.overwrite)
        self.otherwise = otherwise
        self.ruleIDs = ruleIDs
    }
}
