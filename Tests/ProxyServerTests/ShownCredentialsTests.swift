import Bytes
import Secrets
import Testing
import Tokens

@testable import ProxyServer

@Suite struct ShownCredentialsTests {
    private func holds(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.span.holdsCredentials
    }

    private func isOfNobody(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.span.isLoginOfNobody
    }

    private func robotToken() throws -> String {
        let secret = try RobotSecret().text
        return ByteString(copying: secret.bytes).description
    }

    @Test("a login or a token in a text is noticed, wherever it stands")
    func noticed() throws {
        let robot = try robotToken()
        let token = "eyJhbGciOiJIUzI1NiJ9." + String(repeating: "a", count: 60)
        for text in [
            robot, "\(robot)x", String(robot.dropLast()), String(robot.dropLast(6)),
            "agent/1 \(robot)", token, "agent (\(token))",
            "Authorization: Basic YWxpY2U6c2VjcmV0", "x bearer abcdefgh",
        ] {
            #expect(holds(text), "\(text)")
        }
    }

    @Test("names and agents are shown, also those that look a little like it")
    func shown() throws {
        let robot = try robotToken()
        for text in [
            "", "alice", "docker/20.10 go/1.18", "rpx_", String(robot.prefix(43)),
            "eyJ", "eyJhbGci", "basic", "Basic a", "not basic at all",
        ] {
            #expect(!holds(text), "\(text)")
        }
    }

    @Test("a name that only looks like a scheme is a name")
    func names() {
        for text in ["Basic Training", "bearer of-news", "alice"] {
            let bytes = Array(text.utf8)
            let holdsToken = bytes.span.holdsToken
            #expect(!holdsToken, "\(text)")
        }
    }

    @Test("only an empty name with an empty password is a login of nobody")
    func nobody() {
        for (text, isNobody) in [
            ("Basic Og==", true), ("basic Og==", true), ("Basic OmE=", false), ("Basic ", false),
            ("Basic YTo=", false), ("Bearer Og==", false), ("", false), ("Basic Og== ", false),
        ] {
            #expect(isOfNobody(text) == isNobody, "\(text)")
        }
    }
}
