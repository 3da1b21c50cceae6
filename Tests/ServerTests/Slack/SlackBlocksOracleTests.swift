import Integrations
import ReleaseMachine
import TestSupport
import Testing

@testable import Server

@Suite(
    "Slack's own library reads the blocks that are sent",
    .enabled(Comment(rawValue: SlackSDK.reason)) { await SlackSDK.isThere })
struct SlackBlocksOracleTests {
    @Test("of a release in each state, as a plan and as sections")
    func states() async throws {
        var names: [String] = []
        var steps: [SlackSDK.Step] = []
        for (name, _) in ToldRelease.all {
            for style in [SlackMessageStyle.plan, .sections] {
                let content = try SlackReleaseMessageTests.message(name).content(style)
                names.append("\(name), \(style)")
                let blocks = try content.blocksJSON()
                steps.append(.blocks(try #require(blocks)))
            }
        }
        for (name, answer) in zip(names, try await SlackSDK.run(steps)) {
            #expect(answer.isRight, "\(name): \(answer.error ?? "") \(answer.data ?? "")")
        }
    }

    @Test("of the lines of a thread")
    func lines() async throws {
        var steps: [SlackSDK.Step] = []
        for (_, told) in ToldRelease.all {
            let thread = SlackThread(told.history, SlackReleaseMessageTests.site)
            for (line, at) in thread.lines {
                let text = thread.content(line, at: at)
                let blocks = try SlackContent(text, blocks: [.richText([.line(text)])]).blocksJSON()
                steps.append(.blocks(try #require(blocks)))
            }
        }
        let answers = try await SlackSDK.run(steps)
        #expect(!answers.isEmpty && answers.allSatisfy { $0.isRight })
    }
}
