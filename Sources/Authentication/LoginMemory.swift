import AccessControl
import Bytes
import Secrets

/// What one loop remembers of verified logins, so that a request with a known login asks nobody.
///
/// A lookup decodes into wiped memory of its own, computes one keyed hash, and looks into one
/// table: about half a microsecond, and nothing is allocated but inside libcrypto. Not `Sendable`:
/// one for each loop.
public final class LoginMemory {
    public let desk: LoginDesk
    private let hits: Counter
    private let room = SecretBuffer(capacity: CredentialPlaces.roomNeeded)
    private var generation: UInt64
    private var hash: KeyedHash
    private var table: BoundedTable<Code32, Identity>

    private static let mostEntries = 2048

    public init(_ desk: LoginDesk) {
        let generation = desk.generation
        self.desk = desk
        self.generation = generation.number
        hash = generation.makeHash()
        hits = desk.makeHitCounter()
        table = BoundedTable(capacity: min(Self.mostEntries, desk.settings.entries))
    }

    /// Reads the value of an `Authorization` field.
    ///
    /// - Parameter now: nanoseconds of the desk's clock.
    public func lookup(_ authorization: borrowing Span<UInt8>, now: Int64) -> Lookup {
        followReload()
        defer { room.wipe() }
        do throws(MalformedCredentials) {
            return lookup(try CredentialPlaces(parsing: authorization, into: room), now: now)
        } catch {
            return .malformed(error)
        }
    }

    private func lookup(_ places: CredentialPlaces, now: Int64) -> Lookup {
        let room = room
        let code = hash.code(
            ofLogin: room.bytes.extracting(places.user),
            room.bytes.extracting(places.password)
        )
        if let entry = table.entry(for: code, now: now) {
            hits.addAlone()
            return .known(entry.value)
        }
        if let entry = desk.known(code, generation: generation, now: now) {
            table.insert(entry.value, for: code, expiry: entry.expiry, now: now)
            hits.addAlone()
            return .known(entry.value)
        }
        let credentials = BasicCredentials(places, in: room)
        return .check(
            PendingLogin(
                user: credentials.user,
                password: credentials.password,
                code: code,
                generation: generation
            )
        )
    }

    private func followReload() {
        guard desk.generationNumber != generation else { return }
        let current = desk.generation
        generation = current.number
        hash = current.makeHash()
        table.removeAll()
    }
}
