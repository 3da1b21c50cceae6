import Foundation
import Testing

extension Releases {
    /// The screenshots of the documentation, for `script/screenshots`.
    @Suite(
        .enabled(
            if: ProcessInfo.processInfo.environment["VIRIDIAN_SCREENSHOTS"] != nil && Browser.isInstalled,
            "script/screenshots makes them"))
    struct BrowserScreenshots {
        /// The largest file for the repository, in bytes.
        static let limit = 200 * 1024

        private var folder: String { ProcessInfo.processInfo.environment["VIRIDIAN_SCREENSHOTS"] ?? "" }

        private func keep(_ name: String, _ browser: Browser, most: Int = 1250) async throws {
            let picture = try await browser.screenshot(most: most)
            #expect(picture.count < Self.limit, "\(name) has \(picture.count) bytes")
            try picture.write(to: URL(fileURLWithPath: "\(folder)/\(name).png"))
        }

        @Test("a screenshot of every page, on a desktop and a phone, in light and dark")
        func pictures() async throws {
            try await DemoStage.with(nodes: 6) { stage in
                try await Browser.with(in: stage.directory) { browser in
                    try await browser.setScreen(width: 1280)
                    try await browser.open(stage.page)
                    try await keep("sign-in", browser)
                    try await browser.signIn(stage)

                    try await browser.deploy("crash1", reason: "new settings", stage)
                    try await browser.wait(until: "document.querySelector('#state').innerText.trim() === 'failed'")
                    try await keep("release-failed", browser)
                    try await browser.setScreen(width: 390)
                    try await keep("release-failed-phone", browser)

                    try await browser.setScreen(width: 1280)
                    try await browser.deploy("slow3", verify: true, reason: "faster front page", stage)
                    try await browser.wait(until: "document.querySelector('#pods tbody tr')")
                    try await keep("release-running", browser)
                    try await browser.wait(until: "document.querySelector('#promote')")
                    try await keep("release-paused", browser)
                    try await browser.setScreen(width: 1280, isDark: true)
                    try await keep("release-paused-dark", browser)
                    try await browser.setScreen(width: 390)
                    try await keep("release-paused-phone", browser)
                    try await browser.open(stage.page)
                    try await keep("home-phone", browser)
                    try await browser.setScreen(width: 1280)
                    try await keep("home", browser)
                    try await browser.open(stage.page + "apps/blog/releases/4")
                    try await browser.click("#head a[data-dialog]")
                    try await browser.wait(until: "document.querySelector('dialog[open]')")
                    try await keep("abort", browser, most: 900)
                    try await browser.open(stage.page + "apps/blog/releases/4")
                    try await browser.click("#promote")
                    try await browser.wait(until: "document.querySelector('dialog[open]')")
                    try await browser.click("dialog button.primary")
                    try await browser.wait(until: "document.querySelector('#state').innerText.trim() === 'live'")
                    try await keep("release-live", browser, most: 1400)

                    try await browser.open(stage.page + "apps/blog")
                    try await keep("app", browser, most: 1400)
                    try await browser.setScreen(width: 390, isDark: true)
                    try await keep("app-phone-dark", browser)
                    try await browser.setScreen(width: 1280)
                    for name in ["nodes", "audit", "tokens", "stats"] {
                        try await browser.open(stage.page + name)
                        try await keep(name, browser)
                    }
                    #expect(try await browser.complaints() == [])
                }
            }
        }
    }
}
