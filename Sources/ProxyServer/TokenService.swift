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
