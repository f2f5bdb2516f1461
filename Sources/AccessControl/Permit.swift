public import Bytes
public import RegistryAPI

/// The rules' answer to one request.
public enum Verdict: ~Copyable, Sendable {
    case permitted(Permit)
    /// The PUT of a manifest. It may depend on what its tags point to now: ask the registry.
    case push(PendingPush)
    /// A DELETE by digest that depends on which tags the digest has: ask the registry.
    case deletion(PendingDeletion)
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
    /// Whether a catalog is shown as the registry has it, whatever the identity may pull.
    public let showsWholeCatalog: Bool
    /// The rules that allow it. Empty where no right is needed.
    public let ruleIDs: [ByteString]

    init(
        _ operation: RegistryOperation,
        isMountDowngraded: Bool = false,
        showsWholeCatalog: Bool = false,
        ruleIDs: [ByteString] = []
    ) {
        self.operation = operation
        self.isMountDowngraded = isMountDowngraded
        self.showsWholeCatalog = showsWholeCatalog
        self.ruleIDs = ruleIDs
    }
}
