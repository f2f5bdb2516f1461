import AccessControl
import AuditTrail
import Authentication
import Bytes
import Logbook
import NetIO
import RegistryAPI
public import Tokens

/// Tokens in the audit trail: given out, made, taken back.
extension Exchange {
    /// A token has been made for whoever asked. Those for nobody may come in floods.
    func noteIssued(_ token: BearerToken) {
        guard let audit = services.audit else { return }
        var made = auditRecord(.tokenIssued)
        made.notes = token.access.scopes.map(\.text.description)
        if let robot = token.robot { made.notes.append("robot: \(robot)") }
        if token.isAnonymous {
            audit.addCounted(made, from: client.source, at: now)
        } else {
            audit.add(made)
        }
    }

    /// Who a robot token was made for and what it may is on the disk before anybody has it.
    func recordMade(_ robot: Robot) async throws(Interruption) {
        guard let audit = services.audit else { return }
        guard await audit.commit([auditRecord(.tokenCreated, about: robot)]) else {
            throw .refused(.unrecordable)
        }
    }

    /// A token is taken back also while the trail cannot be written; the record is kept until it
    /// can.
    func noteRevoked(_ robot: Robot) {
        services.audit?.add(auditRecord(.tokenRevoked, about: robot))
    }

    /// A robot token was a good password. It is looked up each time, and noted as often as another
    /// login.
    func noteRobotLogin() {
        guard let audit = services.audit, let robot, let desk = services.logins?.desk else {
            return
        }
        let lifetime = desk.settings.lifetime.components.seconds * 1_000_000_000
        if audit.isNewLogin(robot.robot.id, within: lifetime, at: now) { noteLogin() }
    }

    private func auditRecord(_ event: AuditRecord.Event, about robot: Robot) -> AuditRecord {
        var made = auditRecord(event)
        made.notes = robot.notes
        return made
    }
}

extension AuditDesk {
    /// Records what the command line has done to a robot token.
    public func note(_ change: RobotChange) {
        var (record, robot) =
            switch change {
            case .created(let robot): (AuditRecord(.tokenCreated), robot)
            case .revoked(let robot): (AuditRecord(.tokenRevoked), robot)
            }
        record.notes = ["by: the command line"] + robot.notes
        note(record)
    }
}

extension Robot {
    /// What a record tells of it.
    fileprivate var notes: [String] {
        var notes = [
            "id: \(id)", "owner: \(owner)", "name: \(order.name)",
            "actions: \(order.actions.words.joined(separator: ", "))",
            "repositories: \(order.repositories.map { "\($0.text)" }.joined(separator: ", "))",
        ]
        if let tags = order.tags {
            notes.append("tags: \(tags.map { "\($0.text)" }.joined(separator: ", "))")
        }
        if !order.networks.isEmpty {
            notes.append(
                "networks: \(order.networks.map(\.description).joined(separator: ", "))")
        }
        return notes + ["expires: \(order.expiry)"]
    }
}
