import AccessControl
public import Authentication
public import Tokens

/// Everything that tokens need: who signs them, which robot tokens there are, and where their
/// owners are looked up.
public final class TokenService: Sendable {
    public let authority: TokenAuthority
    /// Whether a 401 asks for a token instead of a password.
    public let challenges: Bool
    /// `nil`: there are no robot tokens.
    public let robots: RobotStore?
    /// Looks for changes of `robots` as long as somebody holds it.
    public let watch: RobotWatch?
    public let owners: OwnerDesk

    public init(
        _ authority: TokenAuthority,
        challenges: Bool,
        robots: RobotStore?,
        watch: RobotWatch?,
        owners: OwnerDesk
    ) {
        self.authority = authority
        self.challenges = challenges
        self.robots = robots
        self.watch = watch
        self.owners = owners
    }
}

/// What a loop has found out about a token: good as long as nothing of this has changed.
struct TokenNote {
    let state: TokenState
    let identity: Identity
}

/// On what it depends whether a token counts, besides the time.
struct TokenState: Equatable {
    /// Of the rules and all other settings.
    let generation: Int
    /// Of the users.
    let users: UInt64
    /// Of the robot tokens.
    let robots: UInt64
}
