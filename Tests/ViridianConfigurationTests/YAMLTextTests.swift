import Testing
import ViridianConfiguration

/// Values are changed in a file that people keep: everything else in it stays.
@Suite("changing a value of a YAML text")
struct YAMLTextTests {
    @Test(
        "a value is replaced where it is, and added where it is missing",
        arguments: [
            ("a: 1  # one\nb: 2\n", "a: x  # one\nb: 2\n"),
            ("b: 2\na: 'one two'\n", "b: 2\na: x\n"),
            ("{b: 2, a: \"q\", c: 3}", "{b: 2, a: x, c: 3}"),
            ("# first\nb: 2\n", "# first\na: x\nb: 2\n"),
            ("{b: 2}", "{a: x, b: 2}"),
            ("ü: \"ö\"\na: ü\n", "ü: \"ö\"\na: x\n"),
        ])
    func set(before: String, after: String) throws {
        var text = YAMLText(before)
        try text.set(["a"], to: "x")
        #expect(text.text == after)
    }

    @Test(
        "also below other keys, in either style",
        arguments: [
            ("n:\n  s:\n    u: v\n", "n:\n  s:\n    k: x\n    u: v\n"),
            ("n:\n  s: {u: v}\n", "n:\n  s: {k: x, u: v}\n"),
            ("n:\n  s: {}\n", "n:\n  s: {k: x}\n"),
            ("n:\n  t: 1\n", "n:\n  s: {k: x}\n  t: 1\n"),
            ("n: {t: 1, s: {u: v, k: \"~/y\"}} # end", "n: {t: 1, s: {u: v, k: x}} # end"),
            ("m: 1\n", "n: {s: {k: x}}\nm: 1\n"),
        ])
    func nested(before: String, after: String) throws {
        var text = YAMLText(before)
        try text.set(["n", "s", "k"], to: "x")
        #expect(text.text == after)
    }

    @Test(
        "also in an item of a list, in either style",
        arguments: [
            ("l:\n- a: 1\n- b: 1\n  k: y # end\n", "l:\n- a: 1\n- b: 1\n  k: x # end\n"),
            ("l:\n  - a: 1\n  - b: 1  # one\n    c: 2\n", "l:\n  - a: 1\n  - k: x\n    b: 1  # one\n    c: 2\n"),
            ("l: [{a: 1}, {b: 1}]", "l: [{a: 1}, {k: x, b: 1}]"),
            ("l:\n  - a: 1\n  -\n    b: 1\n", "l:\n  - a: 1\n  -\n    k: x\n    b: 1\n"),
        ])
    func item(before: String, after: String) throws {
        var text = YAMLText(before)
        try text.set(["l", "1", "k"], to: "x")
        #expect(text.text == after)
    }

    @Test("an item that a list does not have is not added", arguments: ["l: [{a: 1}]", "l: []"])
    func noItem(before: String) throws {
        var text = YAMLText(before)
        #expect(throws: YAMLText.CannotEdit.self) { try text.set(["l", "1", "k"], to: "x") }
        #expect(text.text == before)
    }

    @Test(
        "a key is removed with what is under it, and the next one keeps its comment",
        arguments: [
            ("a: 1\nk:\n  x: 1\n\n# of b\nb: 2\n", "a: 1\n\n# of b\nb: 2\n"),
            ("k: {x: 1}\nb: 2\n", "b: 2\n"),
            ("a: 1\nk:\n  - 1\n  # inside\n  - 2\n", "a: 1\n"),
            ("a: 1\n", "a: 1\n"),
        ])
    func remove(before: String, after: String) throws {
        var text = YAMLText(before)
        try text.remove("k")
        #expect(text.text == after)
    }

    @Test(
        "what is not understood is refused, and nothing is changed",
        arguments: [
            "a: >-\n  folded\n  text\n", "a: \"es\\\"caped\"\n", "a: [1]\n", "- a\n", "a: *b\n", "a: &b one\nc: *b\n",
        ])
    func refused(before: String) {
        var text = YAMLText(before)
        #expect(throws: YAMLText.CannotEdit.self) { try text.set(["a"], to: "x") }
        #expect(text.text == before)
    }
}
