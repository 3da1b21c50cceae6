import Integrations
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("Who sent a delivery of GitLab") struct GitLabVerificationTests {
    private static let now = Timestamp(milliseconds: 1_795_712_697_000)
    private static let signingToken = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    private static let body = Array(#"{"object_kind": "pipeline"}"#.utf8)

    private static let configurations: [String: GitLabHook?] = [
        "nothing": nil,
        "empty": GitLabHook(secret: Secret(""), signingToken: Secret("")),
        "secret": GitLabHook(secret: Secret("s3cret")),
        "secret, empty token": GitLabHook(secret: Secret("s3cret"), signingToken: Secret("")),
        "token": GitLabHook(signingToken: Secret(signingToken)),
        "token, empty secret": GitLabHook(secret: Secret(""), signingToken: Secret(signingToken)),
        "both": GitLabHook(secret: Secret("s3cret"), signingToken: Secret(signingToken)),
        "broken token": GitLabHook(signingToken: Secret("whsec_?")),
    ]

    private static let tokens: [String: String?] = ["none": nil, "right": "s3cret", "wrong": "secret", "empty": ""]

    /// The signatures, in the order of the columns of the table.
    private static let signatures: [(name: String, headers: [String: String])] = {
        func signed(_ token: String, at time: Timestamp) -> [String: String] {
            guard let headers = StandardWebhooks(Secret(token))?.sign(body, id: "msg_1", at: time) else { return [:] }
            return [
                "webhook-id": headers.id, "webhook-timestamp": headers.timestamp,
                "webhook-signature": headers.signature,
            ]
        }
        let right = signed(signingToken, at: now)
        var onlyID = right
        onlyID["webhook-signature"] = nil
        var empty = right
        empty["webhook-signature"] = ""
        var alone = right
        alone["webhook-id"] = nil
        var other = right
        other["webhook-id"] = "msg_2"
        return [
            ("none", [:]), ("id and time without a signature", onlyID), ("right", right),
            ("of another key", signed("whsec_b2xkIHNlY3JldCBvZiB0aGUgaG9vaw==", at: now)),
            ("six minutes old", signed(signingToken, at: now + .seconds(-360))), ("empty", empty),
            ("without id", alone), ("of another id", other),
        ]
    }()

    /// What is configured, the X-Gitlab-Token of the request, and a column for each of `signatures`: `+` is accepted.
    private static let table: [(configured: String, token: String, verdicts: String)] = [
        ("nothing", "none", "--------"), ("nothing", "right", "--------"), ("nothing", "empty", "--------"),
        ("empty", "none", "--------"), ("empty", "right", "--------"), ("empty", "empty", "--------"),
        // Nothing is there to check a signature against, and the token does not replace one.
        ("secret", "none", "--------"), ("secret", "right", "++------"), ("secret", "wrong", "--------"),
        ("secret", "empty", "--------"), ("secret, empty token", "right", "++------"),
        ("secret, empty token", "none", "--------"), ("secret, empty token", "empty", "--------"),
        // The signature decides, and nothing else.
        ("token", "none", "--+-----"), ("token", "right", "--+-----"), ("token", "wrong", "--+-----"),
        ("token", "empty", "--+-----"), ("token, empty secret", "none", "--+-----"),
        ("token, empty secret", "right", "--+-----"), ("token, empty secret", "empty", "--+-----"),
        // Webhooks that are not signed yet are accepted by their token; a signature that is there decides.
        ("both", "none", "--+-----"), ("both", "right", "+++-----"), ("both", "wrong", "--+-----"),
        ("both", "empty", "--+-----"),
        ("broken token", "none", "--------"), ("broken token", "right", "--------"),
    ]

    @Test("is told by what is configured, the token and the signature", arguments: table)
    func isTold(configured: String, token: String, verdicts: String) throws {
        let hooks = HooksConfiguration(gitlab: try #require(Self.configurations[configured]))
        try #require(verdicts.count == Self.signatures.count)
        for (signature, expected) in zip(Self.signatures, verdicts) {
            var headers = signature.headers
            headers["x-gitlab-token"] = try #require(Self.tokens[token])
            let request = HookRequest(headers: headers, body: Self.body)
            let verdict = HookSender.gitlab.verify(request, hooks, at: Self.now)
            #expect((verdict == .verified) == (expected == "+"), "signature: \(signature.name), \(verdict)")
            if case .refused(let sentence) = verdict {
                #expect(!sentence.contains("s3cret") && !sentence.contains(Self.signingToken))
            }
        }
    }

    @Test("the signed id is the key, not one that anybody can write beside it")
    func hasSignedKey() throws {
        let headers = ["webhook-id": "msg_1", "idempotency-key": "msg_2", "x-gitlab-webhook-uuid": "3"]
        let reading = try HookSender.gitlab.read(HookRequest(headers: headers, body: Self.body))
        #expect(reading.key == "msg_1")
    }
}
