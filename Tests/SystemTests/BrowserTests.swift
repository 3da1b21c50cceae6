import Foundation
import Kubernetes
import Testing

extension Releases {
    /// The pages in a real browser, against the built program.
    @Suite(
        .enabled(
            if: Browser.isInstalled, "Debian's chromium and chromium-driver are missing: script/bootstrap installs them"
        ))
    struct BrowserTests {
        @Test("a user signs in, starts a release, and watches it to its end without a reload")
        func watched() async throws {
            try await DemoStage.with { stage in
                try await Browser.with(in: stage.directory) { browser in
                    try await browser.signIn(stage)
                    // As soon as the server has read the nodes.
                    try await browser.wait(
                        until: "document.querySelector('#app-blog .mini.green').innerText.includes('LIVE')")
                    try await browser.deploy("v3", reason: "a faster <b>front</b> page", stage)
                    #expect(try await browser.url.contains("/apps/blog/releases/3"))
                    // A reload would remove it.
                    _ = try await browser.value("window.stays = 'here'")
                    try await browser.wait(until: "document.querySelector('#state').innerText.trim() === 'live'")
                    #expect(try await browser.value("window.stays").string == "here")

                    #expect(try await browser.text("#head").contains("“a faster <b>front</b> page”"))
                    #expect(try await browser.text("#outcome").contains("v3 serves on blue"))
                    #expect(try await browser.value("document.querySelectorAll('.phase.done').length").integer == 7)
                    #expect(try await browser.text("#phase-verifying").contains("skipped"))
                    // The usual times come from the two earlier releases.
                    #expect(try await browser.text("#phase-starting .usual").hasPrefix("usually"))
                    let cells = try await browser.value("document.querySelectorAll('#nodes td.cell.done').length")
                    #expect(cells.integer == 10, "two nodes, five steps each")
                    #expect(try await browser.text("#pods").contains("3 of 3 ready"))
                    #expect(try await browser.text("#lines li:last-child").contains("DEPLOY DONE"))
                    // No line twice, none left out.
                    let numbers = try await browser.value(
                        "[...document.querySelectorAll('#lines li')].every((line, index) => line.id === `L${index + 1}`)"
                    )
                    #expect(numbers.bool == true)
                    #expect(
                        try await browser.value("document.querySelector('#announce').innerText").string?.contains(
                            "live") == true)
                    #expect(try await browser.complaints() == [])
                }
            }
        }

        @Test(
            "a paused release awaits promotion; its preview shows the candidate, and Promote switches the traffic"
        )
        func promoted() async throws {
            try await DemoStage.with { stage in
                try await Browser.with(in: stage.directory) { browser in
                    try await browser.signIn(stage)
                    try await browser.deploy("v3", verify: true, stage)
                    try await browser.wait(until: "document.querySelector('#promote')")
                    #expect(try await browser.text("#await").contains("Visitors still get v2 on green"))
                    let left = try await browser.text("#await .countdown")
                    #expect(left.contains(/^(1:00:00|59:[0-5][0-9])$/), "\(left)")
                    try await browser.wait(until: "document.querySelector('#await .countdown').innerText !== '\(left)'")

                    // It is on top of the home page too.
                    try await browser.open(stage.page)
                    #expect(try await browser.text("#await-blog").contains("blog/3 is awaiting promotion"))
                    #expect(try await browser.value("document.title").string == "(1) Apps · Viridian")

                    let preview = try #require(try await browser.attribute("href", of: "#await-blog a.button"))
                    #expect(try await browser.complaints() == [])
                    try await browser.open(preview)
                    #expect(try await browser.text("body").hasPrefix("v3 blue"))

                    try await browser.open(stage.page + "apps/blog/releases/3")
                    try await browser.click("#promote")
                    try await browser.wait(until: "document.querySelector('dialog[open]')")
                    #expect(try await browser.text("dialog").contains("2 nodes switch to blue: visitors get v3."))
                    try await browser.click("dialog button.primary")
                    try await browser.wait(until: "document.querySelector('#state').innerText.trim() === 'live'")
                    #expect(try await browser.text("#head").contains("promoted by"))
                    // The sample app has no favicon: the browser logs a 404 for it.
                    let complaints = try await browser.complaints().filter { !$0.contains("preview.localhost") }
                    #expect(complaints == [])
                }
            }
        }

        @Test("a release is aborted with a reason, by keyboard alone, and another one is rolled back")
        func aborted() async throws {
            try await DemoStage.with { stage in
                try await Browser.with(in: stage.directory) { browser in
                    try await browser.signIn(stage)
                    try await browser.deploy("v3", verify: true, stage)
                    try await browser.wait(until: "document.querySelector('#promote')")
                    try await browser.click("#head a[data-dialog]")
                    try await browser.wait(until: "document.querySelector('dialog[open] #why')")
                    #expect(
                        try await browser.text("dialog").contains(
                            "No node has switched: visitors get v2 on green, as before."))
                    // Escape closes a dialog.
                    try await browser.press("\u{E00C}")
                    try await browser.wait(until: "!document.querySelector('dialog')")
                    #expect(try await browser.value("document.activeElement.innerText").string == "Abort…")
                    try await browser.press("\u{E007}")
                    try await browser.wait(until: "document.activeElement.id === 'why'")
                    try await browser.press("the font is wrong\u{E007}")
                    try await browser.wait(until: "document.querySelector('#state')?.innerText.trim() === 'aborted'")
                    #expect(try await browser.text("#aborted").contains("“the font is wrong”"))
                    #expect(try await browser.text("#aborted").contains("v2 on green serves, as before"))

                    try await browser.open(stage.page + "apps/blog/rollback")
                    #expect(try await browser.text("#confirm").contains("v1 starts on blue"))
                    try await browser.type("back to what was", into: "#why")
                    try await browser.click("#confirm button.primary")
                    try await browser.wait(until: "document.querySelector('#state').innerText.trim() === 'live'")
                    #expect(try await browser.text("#head").contains("Rollback to"))
                    try await browser.open(stage.page + "audit")
                    let actions = try await browser.text("main")
                    for action in ["sign in", "deploy", "abort", "the font is wrong", "rollback", "back to what was"] {
                        #expect(actions.contains(action), "\(action) is not in\n\(actions)")
                    }
                    #expect(try await browser.complaints() == [])
                }
            }
        }

        @Test("a failed release shows its cause on top, and its log by phase and line")
        func failed() async throws {
            try await DemoStage.with { stage in
                try await Browser.with(in: stage.directory) { browser in
                    try await browser.signIn(stage)
                    try await browser.deploy("crash1", stage)
                    try await browser.wait(until: "document.querySelector('#state').innerText.trim() === 'failed'")
                    let cause = try await browser.text("#failure")
                    #expect(cause.contains("DATABASE_URL is missing"), "\(cause)")
                    #expect(cause.contains("v2 on green serves, as before"), "\(cause)")
                    #expect(try await browser.attribute("class", of: "#phase-starting") == "phase fail")

                    try await browser.click("#phase-starting")
                    try await browser.wait(until: "location.search.includes('phase=starting')")
                    #expect(try await browser.isThere("#lines li.bad"))
                    #expect(try await browser.text("#lines").contains("Starting deploy of") == false)
                    let line = try #require(try await browser.attribute("id", of: "#lines li.bad"))
                    try await browser.click("#\(line) a.n")
                    #expect(try await browser.url.hasSuffix("#\(line)"))
                    #expect(try await browser.complaints() == [])
                }
            }
        }

        @Test("every page works without JavaScript")
        func withoutScripts() async throws {
            try await DemoStage.with { stage in
                try await Browser.with(.init(runsScripts: false), in: stage.directory) { browser in
                    try await browser.signIn(stage)
                    try await browser.deploy("v3", verify: true, stage)
                    try await browser.eventually("it pauses") { try await browser.isThere("#promote") }
                    try await browser.click("#promote")
                    try await browser.eventually("the confirmation") { try await browser.url.hasSuffix("/promote") }
                    try await browser.click("#confirm button.primary")
                    try await browser.eventually("it is live") { try await browser.text("#state") == "live" }
                    #expect(try await browser.text("#outcome").contains("v3 serves on blue"))

                    try await browser.deploy("v4", verify: true, stage)
                    try await browser.eventually("it pauses") { try await browser.isThere("#promote") }
                    try await browser.click("#head a[data-dialog]")
                    try await browser.eventually("the confirmation") { try await browser.url.hasSuffix("/abort") }
                    try await browser.type("not this one", into: "#why")
                    try await browser.click("#confirm button.primary")
                    try await browser.eventually("it is aborted") { try await browser.text("#state") == "aborted" }
                    #expect(try await browser.text("#aborted").contains("“not this one”"))

                    try await browser.deploy("not/a version", stage)
                    #expect(try await browser.text("#deploy [role=alert]").contains("a version of at most 128"))
                    #expect(try await browser.attribute("value", of: "#version") == "not/a version")
                    try await browser.click(".me button")
                    try await browser.eventually("signed out") { try await browser.url.hasSuffix("/signin") }
                }
            }
        }
    }
}
