import AccessControl
import Bytes
import ProxyConfig
import Testing

@testable import RuleImport

/// What a foreign file becomes, loaded as a configuration would load it.
struct Loaded {
    let rules: ImportedRules
    let policy: AccessPolicy

    init(_ text: String, _ source: ImportedRules.Source) throws {
        rules = try ImportedRules.read(Array(text.utf8), file: "their.yml", from: source).get()
        let whole = """
            listen: [{ address: 127.0.0.1:8080 }]
            upstream: { url: http://127.0.0.1:5000 }
            \(rules.text)
            """
        let report = ConfigurationReader.read(Array(whole.utf8), file: "ours.yaml")
        #expect(report.errors.map(\.description) == [], "\(rules.text)")
        policy = try #require(report.configuration).access.policy
    }

    /// The letters of what `user` may do: p, c, o, d. `nil` is anonymous.
    func rights(_ user: String?, _ repository: String) -> String {
        let identity =
            user.map { Identity(user: ByteString($0), provider: .htpasswd) } ?? .anonymous
        var decision = Decision()
        policy.decide(
            identity,
            ByteString(repository).span,
            in: Circumstances(),
            into: &decision
        )
        let letters: [(Actions, String)] = [
            (.pull, "p"), (.create, "c"), (.overwrite, "o"), (.delete, "d"),
        ]
        return letters.filter { decision.granted.contains($0.0) }.map(\.1).joined()
    }
}
