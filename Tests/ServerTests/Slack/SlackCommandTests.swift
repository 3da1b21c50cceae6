import Integrations
import Testing

@testable import Server

@Suite("What is typed after the slash command") struct SlackCommandTests {
    @Test("is read whatever its case, and with the app before or after the verb")
    func isRead() {
        let commands: [(String, SlackCommand)] = [
            ("", .help(nil)), ("  ", .help(nil)), ("help", .help(nil)),
            ("status", .status(app: nil)), ("STATUS", .status(app: nil)), ("status blog", .status(app: "blog")),
            ("blog status", .status(app: "blog")),
            ("promote blog", .promote(app: "blog", number: nil)), ("Finish Blog", .promote(app: "blog", number: nil)),
            ("blog promote", .promote(app: "blog", number: nil)),
            ("promote blog/42", .promote(app: "blog", number: 42)),
            ("promote `blog`", .promote(app: "blog", number: nil)),
            ("promote *blog*", .promote(app: "blog", number: nil)),
            ("abort blog", .abort(app: "blog", number: nil, reason: nil)),
            ("abort  blog   prices are   wrong", .abort(app: "blog", number: nil, reason: "prices are wrong")),
            ("blog abort prices are wrong", .abort(app: "blog", number: nil, reason: "prices are wrong")),
            ("abort blog/3 a &amp; b &lt;c&gt;", .abort(app: "blog", number: 3, reason: "a & b <c>")),
            ("rollback blog", .rollback(app: "blog", version: nil, reason: nil)),
            ("rollback blog v1", .rollback(app: "blog", version: "v1", reason: nil)),
            ("rollback blog to v1 too slow", .rollback(app: "blog", version: "v1", reason: "too slow")),
            (
                "rollback blog `v1@sha256:0011223344`",
                .rollback(app: "blog", version: "v1@sha256:0011223344", reason: nil)
            ),
            ("lock blog the database moves", .lock(app: "blog", length: nil, reason: "the database moves")),
            (
                "lock blog for 2h the database moves",
                .lock(app: "blog", length: .seconds(7200), reason: "the database moves")
            ),
            ("lock blog for 30M moving", .lock(app: "blog", length: .seconds(1800), reason: "moving")),
            ("lock blog for the move", .lock(app: "blog", length: nil, reason: "for the move")),
            ("unlock blog", .unlock(app: "blog")), ("blog unlock", .unlock(app: "blog")),
            ("disconnect", .disconnect),
            // An app may have the name of a verb.
            ("status lock", .status(app: "lock")),
            ("lock status for 1h moving", .lock(app: "status", length: .seconds(3600), reason: "moving")),
        ]
        for (text, command) in commands { #expect(SlackCommand(text) == command, "\(text)") }
    }

    @Test(
        "what is not understood does nothing, and says why",
        arguments: [
            ("promot blog", "did you mean promote?"), ("deploy blog v2", "There is no command"),
            ("promote", "needs the name of an app"),
            ("promote blog now", "takes nothing more"), ("unlock blog please", "takes nothing more"),
            ("status blog shop", "takes nothing more"), ("lock blog", "needs a reason"),
            ("lock blog for 2h", "needs a reason"),
            ("lock blog for 2hours x", "is not a duration"), ("lock blog for 2 hours", "is not a duration"),
            ("lock blog for 0h x", "is not a duration"),
            ("rollback blog/42", "takes an app, not a release"), ("status blog/42", "takes an app, not a release"),
            ("<!channel> ```", "There is no command"),
        ])
    func isNotUnderstood(text: String, problem: String) {
        guard case .help(let why?) = SlackCommand(text) else {
            Issue.record("\(text) is \(SlackCommand(text))")
            return
        }
        #expect(why.contains(problem), "\(why)")
    }

    @Test("a button names its release, whatever it is; Abort applies only while the release awaits promotion")
    func buttons() {
        #expect(
            SlackCommand(.button(id: "promote", release: "blog/42"))
                == .promote(app: "blog", number: 42))
        #expect(
            SlackCommand(.button(id: "abort", release: "my-app/7"))
                == .abort(app: "my-app", number: 7, reason: nil, isButton: true))
        #expect(SlackCommand("abort my-app/7") == .abort(app: "my-app", number: 7, reason: nil, isButton: false))
    }

    @Test("what is done twice after a crash is only what may be")
    func repeats() {
        for text in ["status", "help", "promote blog/42", "abort blog/42 x", "disconnect"] {
            #expect(SlackCommand(text).mayBeRepeated, "\(text)")
        }
        for text in ["promote blog", "abort blog", "rollback blog", "lock blog x", "unlock blog"] {
            #expect(!SlackCommand(text).mayBeRepeated, "\(text)")
        }
    }
}
