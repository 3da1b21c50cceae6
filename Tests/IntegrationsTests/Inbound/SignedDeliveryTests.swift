import Integrations
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("Who sent a delivery of GitHub or Gitea") struct SignedDeliveryTests {
    private let now = Timestamp(milliseconds: 0)
    private let body = Array("{}".utf8)
    private let hooks = HooksConfiguration(everySender: "s3cret")

    private func isVerified(_ sender: HookSender, _ headers: [String: String], _ hooks: HooksConfiguration? = nil)
        -> Bool
    {
        sender.verify(HookRequest(headers: headers, body: body), hooks ?? self.hooks, at: now) == .verified
    }

    @Test("GitHub's older signature does not count")
    func isNotSHA1() throws {
        let digits = try #require(HMACSignature(Secret("s3cret"))).sign(body)
        #expect(isVerified(.github, ["x-hub-signature-256": "sha256=" + digits]))
        #expect(!isVerified(.github, ["x-hub-signature": "sha1=" + digits]))
        #expect(!isVerified(.github, ["x-hub-signature-256": digits]))
        #expect(!isVerified(.github, ["x-gitea-signature": digits]))
        #expect(!isVerified(.github, ["authorization": "Bearer s3cret"]))
    }

    @Test("every signature of Gitea's that is there must be right")
    func areAllRight() throws {
        let digits = try #require(HMACSignature(Secret("s3cret"))).sign(body)
        let wrong = try #require(HMACSignature(Secret("other"))).sign(body)
        #expect(isVerified(.gitea, ["x-gitea-signature": digits]))
        #expect(isVerified(.gitea, ["x-forgejo-signature": digits]))
        #expect(isVerified(.gitea, ["x-hub-signature-256": "sha256=" + digits]))
        #expect(isVerified(.gitea, ["x-gitea-signature": digits, "x-hub-signature-256": "sha256=" + digits]))
        #expect(!isVerified(.gitea, ["x-gitea-signature": digits, "x-hub-signature-256": "sha256=" + wrong]))
        #expect(!isVerified(.gitea, ["x-gitea-signature": digits, "x-forgejo-signature": ""]))
        #expect(!isVerified(.gitea, ["x-gogs-signature": digits]))
    }

    @Test("what Gitea sends without a secret is never accepted, not even with an empty secret in the configuration")
    func hasNoSecret() {
        // HMAC-SHA256 of {} with an empty key: anybody can make it.
        let digits = "22f8eea909400af98adf3681a9f31923ef6b7fcba4abb553d92823a3e9d5c25e"
        for headers in [
            ["x-gitea-signature": "", "x-hub-signature-256": "sha256="], ["x-gitea-signature": digits],
            ["x-hub-signature-256": "sha256=" + digits], ["x-hub-signature-256": "sha256="],
        ] {
            for sender in [HookSender.gitea, .github] {
                #expect(!isVerified(sender, headers))
                #expect(!isVerified(sender, headers, HooksConfiguration(everySender: "")))
            }
        }
    }
}
