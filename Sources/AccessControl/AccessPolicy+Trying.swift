public import RegistryAPI

/// Answers of rules that are only tried: nothing can be done with them.
extension AccessPolicy {
    /// - Parameter states: of the tags that a push sets, in byte order; `nil`: not known yet, and a
    ///   push counts as allowed if some state of its tags would do.
    /// - Returns: `nil` if the answer hangs on what is not known.
    public func wouldAllow(
        _ identity: Identity,
        _ operation: RegistryOperation,
        states: [TagState]? = nil,
        in circumstances: Circumstances,
        scratch: inout Decision
    ) -> Bool? {
        let verdict = authorize(identity, operation, in: circumstances, scratch: &scratch)
        switch consume verdict {
        case .permitted: return true
        case .denied: return false
        case .deletion: return nil
        case .push(let push):
            guard let states else { return true }
            do throws(Denial) {
                _ = try push.settled(by: states)
                return true
            } catch {
                return false
            }
        }
    }

    /// For each tag that a push sets, in byte order, whether what it is makes a difference.
    public func dependence(
        of identity: Identity,
        _ operation: RegistryOperation,
        in circumstances: Circumstances,
        scratch: inout Decision
    ) -> [Bool] {
        let verdict = authorize(identity, operation, in: circumstances, scratch: &scratch)
        switch consume verdict {
        case .push(let push):
            var depends: [Bool] = []
            for index in push.tags.indices { depends.append(push.depends(onTagAt: index)) }
            return depends
        default: return []
        }
    }
}
