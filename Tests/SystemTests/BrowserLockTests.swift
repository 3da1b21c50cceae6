import Foundation
import Kubernetes
import Testing

extension Releases {
    /// Locks and the queue in a real browser, against the built program.
    @Suite(
        .enabled(
            if: Browser.isInstalled, "Debian's chromium and chromium-driver are missing: script/bootstrap installs them"
        ))
    struct BrowserLockTests {
        @Test("a user locks an app in a dialog, sees what waits for it without a reload, and unlocks: it starts")
        func locked() async throws {
            try await DemoStage.with { stage in
                try await Browser.with(in: stage.directory) { browser in
                    try await browser.signIn(stage)
                    try await browser.open(stage.page + "apps/blog")
                    try await browser.click("#head a[data-dialog]")
                    try await browser.wait(until: "document.querySelector('dialog[open] #why')")
                    try await browser.type("the <b>move</b>", into: "dialog #why")
                    try await browser.click("dialog button.primary")
                    try await browser.wait(until: "document.querySelector('#attention a[href$=\"/unlock\"]')")
                    #expect(try await browser.text("#attention").contains("the <b>move</b>"))
                    // A reload would remove it.
                    _ = try await browser.value("window.stays = 'here'")
                    let call = """
                        fetch('/hooks/deploy', {method: 'POST', headers: {'Content-Type': 'application/json', \
                        Authorization: 'Bearer \(stage.token)'}, body: JSON.stringify({app: 'blog', version: 'v3', \
                        image: 'registry.local:5000/blog:v3'})}).then((answer) => { window.told = answer.status })
                        """
                    _ = try await browser.value(call)
                    try await browser.wait(until: "window.told === 202")
                    try await browser.wait(until: "document.querySelector('#queued')")
                    #expect(try await browser.text("#queued").contains("v3 is in the queue"))
                    #expect(try await browser.value("window.stays").string == "here")
                    try await browser.click("#attention a[href$='/unlock']")
                    try await browser.wait(until: "document.querySelector('dialog[open]')")
                    #expect(try await browser.text("dialog").contains("v3 of blog, which waits, starts"))
                    try await browser.click("dialog button.primary")
                    try await browser.wait(
                        until: "document.querySelector('#state')?.innerText.trim() === 'v3 is live on blue'")
                    #expect(try await !browser.isThere("#queued"))
                    try await browser.setScreen(width: 390)
                    for path in ["apps/blog", "apps/blog/versions", "apps/blog/lock", "deliveries"] {
                        try await browser.open(stage.page + path)
                        let isWide = try await browser.value("document.documentElement.scrollWidth > innerWidth")
                        #expect(isWide.bool == false, "\(path) is wider than a phone")
                    }
                    #expect(try await browser.text("table").contains("started blog/3"))
                    #expect(try await browser.complaints() == [])
                }
            }
        }
    }
}
