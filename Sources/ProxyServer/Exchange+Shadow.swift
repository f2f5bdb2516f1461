import AccessControl
import Logbook
import RegistryAPI

/// Rules that are tried beside the live ones (`access.shadow`): the same questions, and nothing but
/// the access log depends on the answers. Without such rules it costs one look at an optional.
extension Exchange {
    /// Before the live rules decide. The answer to the push of a manifest may depend on its tags.
    func askShadow(_ identity: Identity, _ operation: RegistryOperation) {
        guard let shadow = settings.shadow, operation.requiredAccess != .nothing else { return }
        let isAllowed = shadow.wouldAllow(
            identity,
            operation,
            in: circumstances,
            scratch: &services.decision
        )
        shadowSaid = isAllowed.map { $0 ? .allowed : .denied }
    }

    /// Of which tags of a push the shadow rules want to know what they are.
    func shadowDependence(_ identity: Identity, _ operation: RegistryOperation) -> [Bool] {
        guard let shadow = settings.shadow, shadowSaid != nil else { return [] }
        return shadow.dependence(
            of: identity,
            operation,
            in: circumstances,
            scratch: &services.decision
        )
    }

    /// Again, when the tags of a push are known.
    func askShadow(_ identity: Identity, _ operation: RegistryOperation, _ states: [TagState]) {
        guard let shadow = settings.shadow, shadowSaid != nil else { return }
        let isAllowed = shadow.wouldAllow(
            identity,
            operation,
            states: states,
            in: circumstances,
            scratch: &services.decision
        )
        shadowSaid = isAllowed.map { $0 ? .allowed : .denied }
    }
}
