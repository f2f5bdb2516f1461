import Foundation
import Testing

@testable import NetTLS

@Suite struct TLSContextTests {
    @Test func aGoodCertificateTellsWhenItExpires() async throws {
        let context = try await Certificates.all.context()
        let left = Double(context.expiry) - Date().timeIntervalSince1970
        #expect((1.9 * 86_400...2.1 * 86_400).contains(left))
    }

    @Test func aMissingChainIsABadChain() async throws {
        let files = try await Certificates.all
        for chain in ["absent.pem", "garbage.pem", "empty.pem", "good.key"] {
            let error = #expect(throws: TLSContext.LoadError.self) {
                _ = try TLSContext(chain: files[chain], key: files["good.key"], minimum: .tls12)
            }
            guard case .badChain(let reason) = error else {
                Issue.record("\(chain): \(String(describing: error))")
                continue
            }
            #expect(!reason.isEmpty)
        }
    }

    /// An encrypted key must not ask a terminal for its passphrase either.
    @Test func aMissingOrEncryptedKeyIsABadKey() async throws {
        let files = try await Certificates.all
        for key in ["absent.key", "garbage.pem", "empty.pem", "good.pem", "locked.key"] {
            let error = #expect(throws: TLSContext.LoadError.self) {
                _ = try TLSContext(chain: files["good.pem"], key: files[key], minimum: .tls12)
            }
            guard case .badKey(let reason) = error else {
                Issue.record("\(key): \(String(describing: error))")
                continue
            }
            #expect(!reason.isEmpty)
        }
    }

    @Test(
        "the key of another certificate is a mismatch, of whatever kind it is",
        arguments: [("good", "other"), ("good", "rsa"), ("rsa", "good")]
    )
    func mismatch(chain: String, key: String) async throws {
        let files = try await Certificates.all
        #expect(throws: TLSContext.LoadError.keyMismatch) {
            _ = try TLSContext(
                chain: files[chain + ".pem"],
                key: files[key + ".key"],
                minimum: .tls12
            )
        }
    }

    @Test func aCertificateIsRefusedBeforeAndAfterItsTime() async throws {
        let files = try await Certificates.all
        #expect(throws: TLSContext.LoadError.outsideValidity(isOver: true)) {
            _ = try files.context("expired")
        }
        #expect(throws: TLSContext.LoadError.outsideValidity(isOver: false)) {
            _ = try files.context("future")
        }
    }

    /// What one attempt leaves in OpenSSL's queue must not become the reason of the next.
    @Test func oneFailureDoesNotColourTheNext() async throws {
        let files = try await Certificates.all
        #expect(throws: TLSContext.LoadError.keyMismatch) {
            _ = try TLSContext(chain: files["good.pem"], key: files["rsa.key"], minimum: .tls12)
        }
        _ = try files.context()
    }
}
