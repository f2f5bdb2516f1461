import AccessControl
import Bytes
import Testing

@testable import RuleImport

/// Names to tell patterns apart by.
private let allNames = [
    "a", "b", "ab", "abc", "a/b", "a/b/c", "b/a", "x/a/b", "test", "test-1", "test-1/x",
    "mytest",
    "dev/app", "devil", "a.b", "foo", "bar", "foobar", "foo/bar", "bob/app", "bob/app/x", "bob",
]

@Suite struct PatternTests {
    @Test(
        "a pattern matches the names that docker_auth lets it match",
        arguments: [
            ("a", ["a"], true),
            (
                "*",
                [
                    "a", "b", "ab", "abc", "test", "test-1", "mytest", "devil", "a.b", "foo", "bar",
                    "foobar", "bob",
                ], true
            ),
            ("a/*", ["a/b"], true), ("test-*", ["test-1"], true), ("?", ["a", "b"], true),
            ("a?c", ["abc"], true), ("/^a$/", ["a"], true),
            ("/^test/", ["test", "test-1", "test-1/x"], true),
            ("/test$/", ["test", "mytest"], true), ("/dev/", ["dev/app", "devil"], true),
            ("/^(foo|bar)$/", ["foo", "bar"], true),
            ("/^foo|bar$/", ["foo", "bar", "foobar", "foo/bar"], true),
            ("/^a/.*$/", ["a/b", "a/b/c"], true), ("/^.*/a$/", ["b/a"], true),
            ("/^a.b$/", ["a/b", "a.b"], true),
            (#"/^a\.b$/"#, ["a.b"], true), ("/^[^/]+/a$/", ["b/a"], true),
            ("/^ab?$/", ["a", "ab"], true),
            ("/^x/.+/b$/", ["x/a/b"], true), ("${account}/*", ["bob/app"], true),
            ("/^${account}/.*$/", ["bob/app", "bob/app/x"], true),
            ("TEST", [], true), ("/^(?:foo)+$/", allNames, false),
            ("/^[a-b]$/", ["a", "b"], false),
        ] as [(String, [String], Bool)])
    func names(text: String, expected: [String], isExact: Bool) {
        let set = DockerAuthPattern(text: ByteString(text))
            .language { $0 == "account" ? ([.user], true) : ([.anything(mayBeEmpty: true)], false) }
            .names
        let user: ByteString = "bob"
        let found = allNames.filter { name in
            set.patterns.contains {
                $0.matches(ByteString(name).span, user: user.span, group: Span())
            }
        }
        #expect(set.isExact == isExact)
        if isExact {
            #expect(found == allNames.filter(expected.contains), "\(set.patterns.map(\.text))")
        } else {
            #expect(Set(found).isSuperset(of: expected))
        }
    }

    @Test(
        "an account is somebody, everybody or nobody that can be said",
        arguments: [
            ("", [.anonymous], true), ("ann", [.user("ann")], true),
            ("/.+/", [.authenticated], true),
            ("/.*/", [.anyone], true), ("*", [.anyone], true), ("?*", [.authenticated], true),
            ("/^(ann|bob)$/", [.user("ann"), .user("bob")], true),
            ("/^.+$/", [.authenticated], true),
            ("/ann/", [.authenticated], false), ("a*", [.authenticated], false),
            ("/^(.+)@example.com$/", [.authenticated], false), ("[ab]*", [.authenticated], false),
            ("anyone", [.user("anyone")], false),
        ] as [(String, [Subject], Bool)])
    func accounts(text: String, who: [Subject], isExact: Bool) {
        let found = DockerAuthPattern(text: ByteString(text)).language.accounts
        #expect(found.who == who)
        #expect(found.isExact == isExact)
    }

    @Test(
        "zot's patterns match what doublestar lets them match",
        arguments: [
            ("**", allNames), ("a/**", ["a", "a/b", "a/b/c"]), ("a/*", ["a/b"]),
            ("**/a", ["a", "b/a"]),
            ("a/**/c", ["a/b/c"]), ("{foo,bar}", ["foo", "bar"]),
            ("${username}/**", ["bob/app", "bob/app/x", "bob"]),
            ("test**", ["test", "test-1"]),
        ])
    func doubleStar(text: String, expected: [String]) {
        let set = GoGlob.read(ByteString(text), isDoubleStar: true) { rest in
            rest.starts(with: "${username}".utf8) ? ([.user], 11, true) : nil
        }
        .names
        let user: ByteString = "bob"
        let found = allNames.filter { name in
            set.patterns.contains {
                $0.matches(ByteString(name).span, user: user.span, group: Span())
            }
        }
        #expect(set.isExact)
        #expect(found == allNames.filter(expected.contains), "\(set.patterns.map(\.text))")
    }
}
