import Foundation
import Integrations
import ReleaseMachine
import Simulator
import Testing
import ViridianConfiguration

@Suite("Signatures, held against Python's hmac", .enabled("no python3 in PATH") { await SignatureOracle.isThere })
struct SignatureOracleTests {
    private static let now = Timestamp(milliseconds: 1_795_712_697_000)

    /// How a sender authenticates, and with which of our senders it is verified.
    private struct Scheme: Sendable {
        var sender: HookSender
        var scheme: String
        var header: String
        var prefix = ""
    }

    private static let schemes = [
        Scheme(sender: .github, scheme: "hex", header: "x-hub-signature-256", prefix: "sha256="),
        Scheme(sender: .gitea, scheme: "hex", header: "x-gitea-signature"),
        Scheme(sender: .gitea, scheme: "hex", header: "x-forgejo-signature"),
        Scheme(sender: .gitea, scheme: "hex", header: "x-hub-signature-256", prefix: "sha256="),
        Scheme(sender: .harbor, scheme: "token", header: "authorization"),
        Scheme(sender: .registry, scheme: "token", header: "authorization"),
        Scheme(sender: .gitlab, scheme: "standard", header: "webhook-signature"),
    ]

    @Test("what Python signs as GitHub, Gitea, Harbor and (by the Standard Webhooks specification) GitLab is accepted")
    func acceptsPythons() async throws {
        var random = SeededGenerator(seed: 1)
        let cases = Self.schemes.flatMap { scheme in (0..<40).map { _ in Self.unsigned(scheme, &random) } }
        for (sample, headers) in zip(cases, try await SignatureOracle.sign(cases.map(\.question))) {
            #expect(sample.verdict(headers, at: Self.now) == .verified)
        }
    }

    @Test("what is signed here is accepted by Python")
    func isAcceptedByPython() async throws {
        var random = SeededGenerator(seed: 2)
        let cases = Self.schemes.flatMap { scheme in (0..<40).map { _ in Self.unsigned(scheme, &random).signed() } }
        for answer in try await SignatureOracle.verify(cases.map(\.question)) { #expect(answer) }
    }

    @Test("what is damaged on its way is refused, exactly where Python refuses it")
    func agreesAboutDamage() async throws {
        var random = SeededGenerator(seed: 3)
        let cases = Self.schemes.flatMap { scheme in
            (0..<400).map { _ in Self.unsigned(scheme, &random).signed().damaged(&random) }
        }
        var accepted = 0
        for (sample, isRight) in zip(cases, try await SignatureOracle.verify(cases.map(\.question))) {
            let headers = try #require(sample.question.headers)
            let verdict = sample.verdict(headers, at: Self.now)
            #expect((verdict == .verified) == isRight, "\(sample.damage) of \(sample.sender): \(headers)")
            if verdict == .verified { accepted += 1 }
        }
        // Some damage is none: a second signature beside the right one, four minutes.
        #expect(accepted > 0 && accepted < cases.count / 4)
    }

    // MARK: - Samples

    /// A question for Python that is one for `HookSender.verify` as well.
    fileprivate struct Sample: Sendable {
        var sender: HookSender
        var question: SignatureOracle.Case
        var damage = "nothing"

        func verdict(_ headers: [String: String], at now: Timestamp) -> HookVerdict {
            var hooks = HooksConfiguration(everySender: question.secret)
            hooks.gitlab = GitLabHook(signingToken: Secret(question.secret))
            return sender.verify(HookRequest(headers: headers, body: Array(question.body)), hooks, at: now)
        }
    }

    /// A body that any byte may be in, as bodies are signed before they are read.
    private static func unsigned(_ scheme: Scheme, _ random: inout SeededGenerator) -> Sample {
        func bytes(_ count: Int) -> Data { Data((0..<count).map { _ in UInt8(random.below(256)) }) }
        let isStandard = scheme.scheme == "standard"
        let secret = isStandard ? "whsec_" + bytes(24 + random.below(40)).base64EncodedString() : text(&random)
        var question = SignatureOracle.Case(
            scheme: scheme.scheme, secret: secret, body: bytes(random.below(2000)), header: scheme.header,
            prefix: scheme.prefix)
        if isStandard {
            question.id = "msg_\(random.next())"
            question.timestamp = String(now.milliseconds / 1000 - 299 + Int64(random.below(599)))
            question.now = now.milliseconds / 1000
        }
        return Sample(sender: scheme.sender, question: question)
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let characters = Array("abcXYZ019-_=+/é🚀")
        return String((0...random.below(40)).map { _ in characters[random.below(characters.count)] })
    }
}

extension SignatureOracleTests.Sample {
    /// The same with our own signature.
    fileprivate func signed() -> Self {
        var sample = self
        let body = Array(question.body)
        switch question.scheme {
        case "hex":
            let digits = HMACSignature(Secret(question.secret))?.sign(body) ?? ""
            sample.question.headers = [question.header ?? "": (question.prefix ?? "") + digits]
        case "token":
            sample.question.headers = [question.header ?? "": question.secret]
        default:
            let time = Timestamp(milliseconds: (Int64(question.timestamp ?? "") ?? 0) * 1000)
            let headers = StandardWebhooks(Secret(question.secret))?.sign(body, id: question.id ?? "", at: time)
            sample.question.headers = [
                "webhook-id": headers?.id ?? "", "webhook-timestamp": headers?.timestamp ?? "",
                "webhook-signature": headers?.signature ?? "",
            ]
        }
        return sample
    }

    fileprivate func damaged(_ random: inout SeededGenerator) -> Self {
        var sample = self
        let header = question.header ?? ""
        let value = question.headers?[header] ?? ""
        func set(_ damage: String, _ value: String) {
            sample.damage = damage
            sample.question.headers?[header] = value
        }
        let isStandard = question.scheme == "standard"
        switch random.below(isStandard ? 17 : 11) {
        case 0:
            sample.damage = "a bit of the body"
            if sample.question.body.isEmpty { sample.question.body = Data([0]) }
            sample.question.body[random.below(sample.question.body.count)] ^= 1 << UInt8(random.below(8))
            if question.scheme == "token" { sample.question.headers?[header] = value + "x" }
        case 1:
            var bytes = Array(value.utf8)
            // Only such bits as leave ASCII, for JSON carries the header to Python as text.
            bytes[random.below(bytes.count)] ^= 1
            set("a bit of the signature", String(decoding: bytes, as: UTF8.self))
        case 2: set("upper case", value.uppercased())
        case 3: set("another prefix", "sha1=" + value)
        case 4: set("no prefix", String(value.drop { $0 != "=" && $0 != "," }.dropFirst()))
        case 5: set("a space before", " " + value)
        case 6: set("a space after", value + " ")
        case 7: set("nothing", "")
        case 8: set("only the prefix", question.prefix ?? "")
        case 9: set("its end missing", String(value.dropLast()))
        case 10:
            sample.damage = "an empty secret"
            sample.question.secret = isStandard ? "whsec_" : ""
        case 11: sample.question.headers?["webhook-timestamp"] = shifted(by: 301 + Int64(random.below(99)))
        case 12: sample.question.headers?["webhook-id"] = (question.id ?? "") + "1"
        case 13: set("another version", value.replacing("v1,", with: "v2,"))
        case 14: set("a second signature", "v1,AAAA v1a,x \(value) v1,!")
        case 15:
            sample.damage = "a clock that differs"
            let seconds = [-301, -300, -299, 299, 300, 301][random.below(6)]
            sample.question.timestamp = String((question.now ?? 0) + Int64(seconds))
            return sample.signed(as: sample.damage)
        default: sample.question.headers?["webhook-timestamp"] = ["", "0x10", "-1", "1e9", " 1"][random.below(5)]
        }
        return sample
    }

    private func signed(as damage: String) -> Self {
        var sample = signed()
        sample.damage = damage
        return sample
    }

    private func shifted(by seconds: Int64) -> String { String((Int64(question.timestamp ?? "") ?? 0) + seconds) }
}
