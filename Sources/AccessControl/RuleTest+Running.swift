import Bytes
import RegistryAPI

/// A rule test that does not hold.
public struct RuleTestFailure: Sendable {
    public let test: RuleTest
    /// Its place among the tests.
    public let index: Int
    /// What is so instead, and which rule says it; one line.
    public let message: String
}

extension AccessPolicy {
    /// Those of `tests` that do not hold, decided by the function that serves requests.
    public func failures(of tests: [RuleTest]) -> [RuleTestFailure] {
        var scratch = Decision()
        return tests.enumerated().compactMap { index, test in
            let answer = answer(to: test, &scratch)
            if answer.isAllowed == test.expectsAllowed { return nil }
            return RuleTestFailure(test: test, index: index, message: "fails: \(answer.reason)")
        }
    }

    private func answer(
        to test: RuleTest,
        _ scratch: inout Decision
    ) -> (isAllowed: Bool, reason: String) {
        switch test.object {
        case .server(let asked):
            let isAllowed = serverActions(of: test.identity, scratch: &scratch)
                .isSuperset(of: asked)
            return (isAllowed, isAllowed ? "access.server grants it" : "nothing grants it")
        case .repository(let asked, let name, let tag):
            decide(
                test.identity,
                name.bytes.span,
                tag: tag,
                in: test.circumstances,
                into: &scratch
            )
            return (scratch.granted.isSuperset(of: asked), reason(asked, scratch))
        }
    }

    private func reason(_ asked: Actions, _ decision: Decision) -> String {
        if decision.granted.isSuperset(of: asked) {
            return "allowed by \(list(decision.allow, about: asked))"
        }
        let missing = asked.subtracting(decision.allowed)
        guard missing.isEmpty else { return "no rule allows \(missing.phrase)" }
        return "denied by \(list(decision.deny, about: asked))"
    }

    private func list(_ matches: [Decision.Match], about asked: Actions) -> String {
        let named = matches.filter { !$0.actions.isDisjoint(with: asked) }.map {
            self.rules[$0.rule]
        }
        let shown = named.prefix(4).map {
            "rule \($0.id) at \($0.position.file):\($0.position.line)"
        }
        let rest = named.count > 4 ? " and \(named.count - 4) more" : ""
        return shown.joined(separator: ", ") + rest
    }
}
