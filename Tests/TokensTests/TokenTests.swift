import AccessControl
import Bytes
import RegistryAPI
import Secrets
import Testing

@testable import Tokens

@Suite struct TokenTests {
    @Test("what was signed comes back, whatever is in it")
    func roundTrip() throws {
        let signer = TokenSigner(try authority())
        let dn = DistinguishedName(parsing: "cn=web,dc=example,dc=com")
        let tokens = [
            token(), token(user: nil, scopes: ""),
            token(user: "é\"\\\u{1}", scopes: "registry:catalog:* repository:a:delete"),
            token(groups: [GroupMembership(name: "ops"), .init(name: "web", distinguishedName: dn)]
            ),
            token(robot: "r1"),
        ]
        for token in tokens {
            #expect(try signer.read(try signer.text(token)) == token)
        }
    }

    @Test("it is a JWT with the claims that the distribution specification names")
    func claims() throws {
        let signer = TokenSigner(try authority())
        let parts = parts(try signer.text(token()))
        #expect(parts.count == 3)
        let header = try #require(json(parts[0]))
        #expect(header["alg"]?.text == "HS256" && header["typ"]?.text == "JWT")
        #expect(header["kid"]?.text == signer.authority.keys.keys[0].id)
        let claims = try #require(json(parts[1]))
        #expect(claims["sub"]?.text == "ann" && claims["aud"]?.text == "registry-proxy")
        #expect(claims["nbf"]?.integer == start - 10 && claims["iat"]?.integer == start)
        #expect(claims["exp"]?.integer == start + 300)
        let access = try #require(claims["access"]?.elements?.first)
        #expect(access["type"]?.text == "repository" && access["name"]?.text == "team/x")
        #expect(access["actions"]?.texts == ["pull", "push"])
    }

    @Test("no change of a single byte, no cut and no addition gets through")
    func everyByte() throws {
        let signer = TokenSigner(try authority())
        let text = try signer.text(token())
        for index in text.indices {
            for byte in [text[index] ^ 1, UInt8(ascii: "."), UInt8(ascii: "=")]
            where byte != text[index] {
                var other = text
                other[index] = byte
                #expect(throws: TokenFlaw.foreign) { try signer.read(other) }
            }
            #expect(throws: TokenFlaw.foreign) { try signer.read(Array(text[..<index])) }
        }
        for more in ["A", ".", "=", " ", "\n"] {
            #expect(throws: TokenFlaw.foreign) { try signer.read(text + bytes(more)) }
        }
    }

    @Test(
        "the algorithm is never taken from the token",
        arguments: [
            #"{"typ":"JWT","alg":"none"}"#, #"{"alg":"none","typ":"JWT"}"#, #"{"alg":"None"}"#,
            #"{"typ":"JWT","alg":"HS512","kid":"K"}"#, #"{"typ":"JWT","alg":"RS256","kid":"K"}"#,
            #"{"typ":"JWT","alg":"none","kid":"K"}"#, #"{"alg":"HS256","typ":"JWT","kid":"K"}"#,
            #"{"typ":"JWT","alg":"HS256"}"#, "{}",
        ])
    func algorithms(header: String) throws {
        let authority = try authority()
        let signer = TokenSigner(authority)
        let parts = parts(try signer.text(token()))
        let key = authority.keys.keys[0]
        let head = encoded(header.split(separator: "K").joined(separator: "\(key.id)"))
        let body = head + [UInt8(ascii: ".")] + parts[1]
        // Even with the right code over the changed header.
        let code = code(key, over: body)
        let dot = [UInt8(ascii: ".")]
        for signature in [[], parts[2], code] {
            #expect(throws: TokenFlaw.foreign) { try signer.read(body + dot + signature) }
        }
        #expect(throws: TokenFlaw.foreign) { try signer.read(body) }
    }

    @Test("another key's token is foreign, also under the name of ours")
    func otherKey() throws {
        let ours = TokenSigner(try authority("a"))
        let theirs = TokenSigner(try authority("b"))
        let text = try theirs.text(token())
        #expect(throws: TokenFlaw.foreign) { try ours.read(text) }
        let parts = parts(text)
        let header = Array(try authority("a").keys.keys[0].header)
        let dressed = header + parts[1] + [UInt8(ascii: ".")] + parts[2]
        #expect(throws: TokenFlaw.foreign) { try ours.read(dressed) }
    }

    @Test("a token for another service is told apart")
    func audience() throws {
        let text = try TokenSigner(try authority(service: "other")).text(token())
        let signer = TokenSigner(try authority())
        #expect(throws: TokenFlaw.otherAudience) { try signer.read(text) }
    }

    @Test("claims that we would not write are foreign, even if signed")
    func otherClaims() throws {
        let authority = try authority()
        let key = authority.keys.keys[0]
        let good = String(decoding: token().claims(for: "registry-proxy"), as: UTF8.self)
        let changes = [
            ("\"iss\":\"registry-proxy\"", "\"iss\":\"x\""), (",\"auth\":\"htpasswd\"", ""),
            ("\"auth\":\"htpasswd\"", "\"auth\":\"root\""), ("\"sub\":\"ann\"", "\"sub\":\"\""),
            ("\"exp\":", "\"exq\":"), ("\"access\":[", "\"access\":[1,"), ("}", "},"),
        ]
        for (old, new) in changes {
            let claims = good.split(separator: old, omittingEmptySubsequences: false)
                .joined(separator: new)
            #expect(claims != good)
            let body = key.header + encoded(claims)
            let text = body + [UInt8(ascii: ".")] + code(key, over: body)
            #expect(throws: TokenFlaw.foreign, "\(claims)") {
                try TokenSigner(authority).read(text)
            }
        }
    }

    @Test("a token that does not fit into a field is not made, and none is read")
    func oversized() throws {
        let signer = TokenSigner(try authority())
        let name = ByteString(String(repeating: "g", count: 7000))
        #expect(signer.sign(token(groups: [GroupMembership(name: name)])) == nil)
        let long = try signer.text(token()) + Array(repeating: UInt8(ascii: "A"), count: 9000)
        #expect(throws: TokenFlaw.foreign) { try signer.read(long) }
    }
}

@Suite struct TokenKeyTests {
    @Test("the last key signs and all of them verify")
    func rotation() throws {
        let before = TokenSigner(try authority("a"))
        let both = TokenSigner(try authority("ab"))
        let after = TokenSigner(try authority("b"))
        let old = try before.text(token())
        let new = try both.text(token())
        #expect(try both.read(old) == token() && both.read(new) == token())
        #expect(try after.read(new) == token())
        #expect(throws: TokenFlaw.foreign) { try after.read(old) }
        #expect(throws: TokenFlaw.foreign) { try before.read(new) }
    }

    @Test("a file of keys is read, or says what is wrong in which line")
    func file() throws {
        let key = String(repeating: "0a", count: 32)
        let other = String(repeating: "F1", count: 32)
        let text = "# one\n\n  \(key)\t\r\n\(other)\n"
        #expect(try keys(text).keys.count == 2)
        #expect(try keys(String(decoding: TokenKeyRing.newFile(), as: UTF8.self)).keys.count == 1)
        #expect(try TokenKeyRing.newFile() != TokenKeyRing.newFile())
        let wrong: [(String, TokenKeyError)] = [
            ("", .init(.empty, 1)), ("# \(key)\n", .init(.empty, 1)),
            ("\(key)\n\(key)0", .init(.noKey, 2)), ("\(key)\n\n\(key)", .init(.repeated, 3)),
            (String(key.dropLast()), .init(.noKey, 1)),
            (String(key.dropLast()) + "g", .init(.noKey, 1)),
        ]
        for (text, error) in wrong {
            #expect(throws: error) { try keys(text) }
        }
    }

    @Test("nothing that is printed holds a key")
    func redaction() throws {
        let key = String(repeating: "0a", count: 32)
        let ring = try keys(key)
        let printed = "\(ring) \(String(reflecting: ring))"
        #expect(!printed.contains("0a0a0a0a"))
    }
}
