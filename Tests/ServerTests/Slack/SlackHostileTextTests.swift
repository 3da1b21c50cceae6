import Controller
import Foundation
import Integrations
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Text of others in Slack is shown as text, and never too long")
struct SlackHostileTextTests {
    private static let hostile =
        "<!channel> & `x` *b* _i_ ~s~ <https://evil.example|fix> <@U024BE7LH>\u{202E}abc\u{2066}\n> q"

    private func release(_ text: String, nodes: Int = 2) -> [(String, ToldRelease)] {
        var told = ToldRelease(
            version: text, live: LiveVersion(color: .blue, version: text), nodes: nodes, verify: true
        ) { order in
            order.requestedBy = text
            order.reason = text
            order.overrode = text
            order.rules.approvals = 2
        }
        var all = [("requested", told)]
        told.reach(.starting)
        told.pods(ready: 1, reason: text)
        all.append(("starting", told))
        var failed = told.applying(.refused(.awaitPods, message: text, details: [text, text]))
        failed.goBack()
        all.append(("failed", failed))
        told.reach(.verifying)
        told.apply(.approved(by: text))
        all.append(("paused", told))
        var aborted = told.applying(.abortRequested(by: text, reason: text))
        aborted.goBack()
        all.append(("aborted", aborted))
        told.apply(.promotionForced(by: text, reason: text))
        told.apply(.troubled(.confirmCandidate, message: text))
        all.append(("switching", told))
        return all
    }

    private let site = SlackReleaseMessageTests.site

    @Test("a version, a reason and a log with markup, mentions, links, line breaks and marks that turn text round")
    func hostile() async throws {
        for style in SlackMessageStyle.allCases {
            let all = release(Self.hostile)
            let messages = try await SlackReleaseMessageTests.posted(
                try all.map { try SlackReleaseMessage($0.1.release, site).content(style) })
            for (message, (name, _)) in zip(messages, all) {
                #expect(message.mentions.isEmpty, "\(name) \(style)")
                #expect(message.shown.replacing("\u{2060}", with: "").contains("<!channel> &"), "\(name) \(style)")
                let isMarkup =
                    message.newest.blocks?.contains(
                        /"(text|title)":"[^"]*<[!@#][^"]*","type":"(text|link|task_card|plan)"/) == true
                #expect(!isMarkup, "\(name) \(style)")
                let isDirected = message.shown.unicodeScalars.contains {
                    "\u{202E}\u{2066}".unicodeScalars.contains($0)
                }
                #expect(!isDirected)
                #expect(!message.text.contains("<https://evil") && !message.text.contains("<!channel"))
            }
        }
    }

    @Test("in lines of the thread, and in the reminder")
    func lines() async throws {
        var told = release(Self.hostile)[3].1
        let thread = SlackThread(told.history, site)
        var contents = thread.lines.map { SlackContent(thread.content($0.line, at: $0.at)) }
        contents.append(SlackContent(thread.reminder))
        told.apply(.abortRequested(by: Self.hostile, reason: Self.hostile))
        told.goBack()
        let ended = SlackThread(told.history, site)
        contents += ended.lines.map { SlackContent(ended.content($0.line, at: $0.at)) }
        let messages = try await SlackReleaseMessageTests.posted(contents)
        #expect(messages.count == contents.count)
        #expect(messages.allSatisfy { $0.mentions.isEmpty })
    }

    @Test(
        "names of 300 characters of four bytes, letters under a thousand accents, and nothing but characters that are escaped"
    )
    func long() async throws {
        let texts = [
            String(repeating: "🦑", count: 300), "a" + String(repeating: "\u{301}", count: 1000),
            String(repeating: "&", count: 5000), String(repeating: "\"\\", count: 5000),
        ]
        for text in texts {
            for style in SlackMessageStyle.allCases {
                let contents = try release(text).map { try SlackReleaseMessage($0.1.release, site).content(style) }
                #expect(contents.allSatisfy { ($0.blocks == nil) == (style == .text) })
                let messages = try await SlackReleaseMessageTests.posted(contents)
                #expect(messages.count == contents.count)
            }
        }
    }

    @Test("a log of 100 kB: its last lines, whole; a log of one line without end: its beginning")
    func log() async throws {
        let lines = (1...2000).map { "\($0): \(String(repeating: "x", count: 45))" }
        for style in [SlackMessageStyle.plan, .sections] {
            var told = ToldRelease().reaching(.starting)
            told.apply(.refused(.awaitPods, message: "pod blog-green-2 crashes", details: lines))
            var endless = ToldRelease().reaching(.starting)
            endless.apply(
                .refused(.awaitPods, message: "crashes", details: [String(repeating: "y", count: 100_000)]))
            let messages = try await SlackReleaseMessageTests.posted(
                try [told, endless].map { try SlackReleaseMessage($0.release, site).content(style) })
            #expect(messages[0].shown.contains("… 1970 lines before\n1971: xxx"))
            #expect(messages[0].shown.contains("2000: xxx"))
            #expect(messages[1].shown.contains("yyyy"))
        }
    }

    @Test("500 nodes that need repair")
    func nodes() async throws {
        var told = ToldRelease(nodes: 500).reaching(.retiring)
        told.apply(
            .readBack(told.nodes.map { NodeReading(node: $0, color: nil, message: String(repeating: "z", count: 300)) })
        )
        for style in SlackMessageStyle.allCases {
            let message = try await SlackReleaseMessageTests.shown(SlackReleaseMessage(told.release, site), style)
            #expect(style == .text || message.shown.contains("… and 496 more"))
            #expect(message.text.contains("500 nodes"))
        }
    }
}
