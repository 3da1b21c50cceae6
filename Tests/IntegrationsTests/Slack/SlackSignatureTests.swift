import Foundation
import Integrations
import ReleaseMachine
import Simulator
import TestSupport
import Testing
import ViridianConfiguration

@Suite("Slack's signature") struct SlackSignatureTests {
    /// https://docs.slack.dev/authentication/verifying-requests-from-slack
    static let secret = "8f742231b10e8888abcd99yyyzzz85a5"
    static let timestamp = "1531420618"
    static let body =
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        + "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="
        + "https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        + "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    static let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

    private let now = Timestamp(milliseconds: 1_531_420_618_000)

    private func verdict(
        _ body: String = body, timestamp: String? = timestamp, signature: String? = signature,
        secret: String = secret, after: Duration = .zero
    ) -> HookVerdict {
        SlackSignature(Secret(secret)).verify(
            Array(body.utf8), timestamp: timestamp, signature: signature, at: now + after)
    }

    @Test("the example of Slack's documentation is verified, and signed the same way")
    func published() {
        #expect(verdict() == .verified)
        let signed = SlackSignature(Secret(Self.secret)).sign(Array(Self.body.utf8), timestamp: Self.timestamp)
        #expect(signed == Self.signature)
    }

    @Test("a signature is good for five minutes, by either clock")
    func isTimely() {
        for seconds in [-300, -1, 0, 299, 300] { #expect(verdict(after: .seconds(seconds)) == .verified, "\(seconds)") }
        for length in [Duration.seconds(-301), .milliseconds(300_001), .seconds(301), .seconds(86_400)] {
            guard case .refused(let sentence) = verdict(after: length) else {
                Issue.record("\(length) is accepted")
                continue
            }
            #expect(sentence.contains("check this machine's clock"))
        }
    }

    @Test("another body, time, secret or signature is refused")
    func isRefused() {
        let digits = String(Self.signature.dropFirst(3))
        let forged: [HookVerdict] = [
            verdict(Self.body + "&"), verdict(""), verdict(timestamp: "1531420619"), verdict(timestamp: "01531420618"),
            verdict(secret: "8f742231b10e8888abcd99yyyzzz85a6"), verdict(signature: digits),
            verdict(signature: "v1=" + digits), verdict(signature: "V0=" + digits),
            verdict(signature: "v0=" + digits.uppercased()), verdict(signature: "v0=" + digits.dropLast()),
            verdict(signature: Self.signature + " "), verdict(signature: "v0="), verdict(signature: ""),
            verdict(timestamp: nil), verdict(signature: nil), verdict(timestamp: ""), verdict(timestamp: "now"),
            verdict(timestamp: "1531420618.0"), verdict(timestamp: "+1531420618"), verdict(timestamp: "-1531420618"),
            verdict(timestamp: " 1531420618"), verdict(timestamp: "99999999999999999999"),
        ]
        for (index, verdict) in forged.enumerated() { #expect(verdict != .verified, "\(index)") }
    }

    @Test("an empty secret verifies nothing, and a refusal does not tell the secret or the signature")
    func isSilent() {
        let empty = SlackSignature(Secret(""))
        let own = empty.sign(Array(Self.body.utf8), timestamp: Self.timestamp)
        let verdict = empty.verify(Array(Self.body.utf8), timestamp: Self.timestamp, signature: own, at: now)
        #expect(verdict != .verified)
        guard case .refused(let sentence) = self.verdict("x") else {
            Issue.record("it is accepted")
            return
        }
        #expect(!sentence.contains(Self.secret) && !sentence.contains("a2114d57"))
        #expect(sentence.contains("slack.signingSecret"))
    }

    // MARK: - Slack's own library

    private struct Sample {
        var secret: String
        var body: String
        var timestamp: String
        var signature: String
        var now: Int
    }

    private static func text(_ random: inout SeededGenerator, _ most: Int) -> String {
        let characters = Array("abcXYZ019-_=+/&%é🚀\n\"{}")
        return String((0...random.below(most)).map { _ in characters[random.below(characters.count)] })
    }

    private static func samples(_ count: Int, seed: UInt64) -> [Sample] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            let now = 1_795_712_697
            let sample = Sample(
                secret: text(&random, 40), body: text(&random, 600),
                timestamp: String(now - 300 + random.below(601)), signature: "", now: now)
            return sample
        }
    }

    @Test(
        "what Slack's own library signs is accepted, and it accepts what is signed here",
        .enabled(Comment(rawValue: SlackSDK.reason)) { await SlackSDK.isThere })
    func agrees() async throws {
        let samples = Self.samples(60, seed: 1)
        let theirs = try await SlackSDK.run(
            samples.map { .sign(secret: $0.secret, body: $0.body, timestamp: $0.timestamp) })
        let ours = samples.map {
            SlackSignature(Secret($0.secret)).sign(Array($0.body.utf8), timestamp: $0.timestamp)
        }
        for (index, sample) in samples.enumerated() {
            let verdict = SlackSignature(Secret(sample.secret)).verify(
                Array(sample.body.utf8), timestamp: sample.timestamp, signature: theirs[index].data,
                at: Timestamp(milliseconds: Int64(sample.now) * 1000))
            #expect(verdict == .verified)
        }
        let accepted = try await SlackSDK.run(
            zip(samples, ours).map { sample, signature in
                .verify(
                    secret: sample.secret, body: sample.body,
                    headers: [
                        "x-slack-request-timestamp": sample.timestamp, "x-slack-signature": signature,
                    ], now: sample.now)
            })
        #expect(!accepted.map(\.isRight).contains(false))
    }

    @Test(
        "what is damaged on its way is refused wherever Slack's own library refuses it",
        .enabled(Comment(rawValue: SlackSDK.reason)) { await SlackSDK.isThere })
    func agreesAboutDamage() async throws {
        var random = SeededGenerator(seed: 2)
        let samples = Self.samples(300, seed: 3).map { sample in
            var sample = sample
            sample.signature = SlackSignature(Secret(sample.secret)).sign(
                Array(sample.body.utf8), timestamp: sample.timestamp)
            switch random.below(7) {
            case 0: sample.body += "&"
            case 1: sample.secret += "x"
            case 2: sample.timestamp = String((Int(sample.timestamp) ?? 0) + 1)
            case 3: sample.signature = sample.signature.uppercased()
            case 4: sample.signature = String(sample.signature.dropLast())
            case 5: sample.now += [-900, -301, 301, 900][random.below(4)]
            default: break
            }
            return sample
        }
        let theirs = try await SlackSDK.run(
            samples.map { sample in
                .verify(
                    secret: sample.secret, body: sample.body,
                    headers: [
                        "x-slack-request-timestamp": sample.timestamp, "x-slack-signature": sample.signature,
                    ], now: sample.now)
            })
        for (sample, theirs) in zip(samples, theirs) {
            let verdict = SlackSignature(Secret(sample.secret)).verify(
                Array(sample.body.utf8), timestamp: sample.timestamp, signature: sample.signature,
                at: Timestamp(milliseconds: Int64(sample.now) * 1000))
            #expect((verdict == .verified) == theirs.isRight, "\(sample)")
        }
        let accepted = theirs.count(where: \.isRight)
        #expect(accepted > 10 && accepted < 200)
    }
}
