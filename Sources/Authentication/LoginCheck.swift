import NetIO

/// One request's wait for a login to be checked. Ends with `LoginDesk.leave`, with a result or
/// without.
public final class LoginCheck: Sendable {
    private let settled = Locked<LoginResult?>(nil)
    private let wake: @Sendable () -> Void

    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// `nil` until the owner is woken.
    public var result: LoginResult? { settled.withLock { $0 } }

    /// - Parameter wakes: whether the owner may be waiting already.
    func settle(_ result: LoginResult, wakes: Bool) {
        settled.withLock { $0 = result }
        if wakes { wake() }
    }
}
