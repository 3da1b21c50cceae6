import Integrations
import ReleaseMachine
import Testing

@Suite("Text in Slack's markup")
struct SlackTextTests {
    @Test("is shown as it is, whatever it contains")
    func escapes() {
        #expect(SlackText("<!channel> & <@U1>").markup == "&lt;!channel&gt; &amp; &lt;@U1&gt;")
        #expect(SlackText("*bold* _it_ ~no~ `code`").markup == "∗bold∗ ˍitˍ ∼no∼ ˋcodeˋ")
        #expect(SlackText("snake_case 2*3 a`b").markup == "snake_case 2*3 aˋb")
        #expect(SlackText.code("a`b*c").markup == "`aˋb*c`")
        #expect(SlackText.link("https://x/a|b>c", "a|b").markup == "<https://x/a%7Cb&gt;c|a|b>")
    }

    @Test("has links, people and times")
    func runs() {
        let time = SlackText.time(Timestamp(milliseconds: 1_445_783_643_000), format: "{time}", fallback: "14:34")
        #expect((SlackText.user("U1") + " " + time).markup == "<@U1> <!date^1445783643^{time}|14:34>")
        #expect([SlackText.bold("a"), "b"].joined(separator: "\n").markup == "*a*\nb")
    }

    @Test("is cut within a limit, never within an escape, a link or a character of two units")
    func limits() {
        let text = SlackText("&&&&&&") + .link("https://x", "link") + "tail"
        for limit in 1..<60 {
            let cut = text.markup(atMost: limit)
            #expect(cut.utf16.count <= limit)
            #expect(cut == text.markup || cut.hasSuffix("…"))
            #expect(cut.replacing("&amp;", with: "").contains("&") == false)
            #expect(cut.contains("<") == cut.contains(">"))
        }
        #expect("🦑🦑🦑".cut(utf16: 4) == "🦑…")
        #expect("abc".cut(utf16: 3) == "abc")
    }
}
