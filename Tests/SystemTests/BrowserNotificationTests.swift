import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

extension Releases {
    /// The page of notifications in a real browser, against the built program.
    @Suite(
        .enabled(
            if: Browser.isInstalled, "Debian's chromium and chromium-driver are missing: script/bootstrap installs them"
        ))
    struct BrowserNotificationTests {
        private static let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

        private func keep(_ name: String, _ browser: Browser) async throws {
            guard let folder = ProcessInfo.processInfo.environment["VIRIDIAN_SCREENSHOTS"] else { return }
            let picture = try await browser.screenshot(most: 1250)
            #expect(picture.count < BrowserScreenshots.limit, "\(name) has \(picture.count) bytes")
            try picture.write(to: URL(fileURLWithPath: "\(folder)/\(name).png"))
        }

        @Test(
            "who was told and who was not is on one page, also on a phone, where every entry of the navigation is seen")
        func told() async throws {
            try await withServer({ request, _ in
                request.path == "/ops" ? .text("", status: 204) : .text("", status: 503)
            }) { receiver in
                try await withWorld(nodes: 1) { world in
                    try world.write(
                        world.read("viridian.yaml")
                            + """
                            notify:
                            - {name: ops, url: "\(receiver.url)/ops", secret: "\(Self.key)"}
                            - {name: chat, url: "\(receiver.url)/chat", format: slack-webhook}

                            """, to: "viridian.yaml")
                    let token = try await world.token()
                    try await world.serving { server in
                        let begun = try await server.post(
                            "/api/v1/apps/blog/releases", #"{"version": "v1"}"#, token: token)
                        #expect(begun.status == 201)
                        try await server.wait(for: "live", of: 1, token)
                        try await Browser.with(in: world.directory) { browser in
                            try await browser.signIn(
                                DemoStage(directory: world.directory, page: server.url + "/", token: token))
                            try await browser.open(server.url + "/apps/blog/releases/1")
                            try await browser.click("#notifications")
                            try await browser.wait(until: "document.querySelector('#to-chat')")
                            try await look(browser)
                            // Resent, and back at the same filter.
                            try await browser.click("#notification-1 button")
                            try await browser.wait(until: "document.querySelector('#flash')")
                            #expect(try await browser.text("#flash").contains("is sent again"))
                            let address = try await browser.value("location.search").string ?? ""
                            #expect(address.hasPrefix("?app=blog&release=1&"))
                            try await browser.click("#to-ops button")
                            try await browser.wait(until: "document.querySelector('#test')")
                            #expect(try await browser.text("#test").contains("test accepted"))
                            #expect(try await browser.complaints() == [])
                        }
                    }
                }
            }
        }

        private func look(_ browser: Browser) async throws {
            let isSettled = """
                document.querySelector('#to-ops .badge').innerText.trim() === 'all delivered' \
                && document.querySelector('#to-chat .badge').innerText.trim() === 'not delivered'
                """
            try await browser.eventually("what ops and chat answered") {
                try await browser.reload()
                return try await browser.value(isSettled).bool == true
            }
            #expect(try await browser.text("#to-chat").contains("503"))
            try await browser.setScreen(width: 1280)
            try await keep("notifications", browser)
            try await browser.setScreen(width: 390)
            try await keep("notifications-phone", browser)
            #expect(try await browser.value("document.documentElement.scrollWidth > innerWidth").bool == false)
            let hidden = """
                [...document.querySelectorAll('.nav a')].filter((entry) => {
                    const box = entry.getBoundingClientRect()
                    return box.left < 0 || box.right > innerWidth || document.elementFromPoint(
                        box.left + box.width / 2, box.top + box.height / 2) !== entry
                }).map((entry) => entry.innerText).join(', ')
                """
            for width in [390, 700] {
                try await browser.setScreen(width: width)
                #expect(try await browser.value(hidden).string == "", "\(width)")
            }
        }
    }
}
