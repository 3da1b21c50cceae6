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

        /// Locks the app, and calls for versions as CI does: they are known, and the newest waits.
        private func tell(_ versions: [String], _ browser: Browser, _ stage: DemoStage) async throws {
            func post(_ path: String, _ body: String) async throws {
                let call = """
                    fetch('\(path)', {method: 'POST', body: '\(body)', headers: {'Content-Type': 'application/json', \
                    Authorization: 'Bearer \(stage.token)'}}).then((answer) => { window.told = answer.status })
                    """
                _ = try await browser.value("window.told = 0")
                _ = try await browser.value(call)
                try await browser.wait(until: "window.told >= 200")
            }
            try await post("/api/v1/locks", #"{"app": "blog", "reason": "the database is moved", "for": "2h"}"#)
            for (index, version) in versions.enumerated() {
                let digest = String(repeating: "\(index + 3)a\(index + 5)f", count: 16)
                let commit = String(repeating: "\(index + 1)b2c", count: 10)
                try await post(
                    "/hooks/deploy",
                    #"{"app": "blog", "version": "\#(version)", "digest": "sha256:\#(digest)", "commit": "\#(commit)"}"#
                )
            }
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

                    try await tell(["v4", "v5", "v6"], browser, stage)
                    try await browser.open(stage.page + "apps/blog")
                    try await keep("app", browser, most: 1700)
                    try await browser.setScreen(width: 390, isDark: true)
                    try await keep("app-phone-dark", browser)
                    try await browser.setScreen(width: 1280)
                    for name in ["nodes", "deliveries", "audit", "tokens", "stats"] {
                        try await browser.open(stage.page + name)
                        try await keep(name, browser)
                    }
                    #expect(try await browser.complaints() == [])
                }
            }
        }
    }
}
