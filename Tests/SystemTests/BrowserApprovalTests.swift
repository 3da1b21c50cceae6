import Foundation
import HTTPTransport
import Kubernetes
import Testing

extension Releases {
    /// Approvals in real browsers, one for each person, against the built program.
    @Suite(
        .enabled(
            if: Browser.isInstalled, "Debian's chromium and chromium-driver are missing: script/bootstrap installs them"
        ))
    struct BrowserApprovalTests {
        @Test("approvals are counted live in the sessions of two people; the last one moves the traffic")
        func counted() async throws {
            try await withWorld(nodes: 1, ApprovalTests.app) { world in
                let people = try await world.tokens("mike", "ann", "bob")
                try await world.serving { server in
                    @Sendable func stage(_ person: Int) -> DemoStage {
                        DemoStage(directory: world.directory, page: server.url + "/", token: people[person])
                    }
                    let begun = try await server.post(
                        "/api/v1/apps/blog/releases", #"{"version": "v1"}"#, token: people[0])
                    #expect(begun.status == 201)
                    let page = server.url + "/apps/blog/releases/1"
                    try await Browser.with(in: world.directory) { ann in
                        try await Browser.with(in: world.directory) { bob in
                            for (browser, person) in [(ann, 1), (bob, 2)] {
                                try await browser.signIn(stage(person))
                                try await browser.open(page)
                                try await browser.wait(until: "document.querySelector('#promote')")
                                #expect(
                                    try await browser.text("#approvals")
                                        == "Approvals: 0 of 2; 2 people other than mike have to promote it")
                                #expect(try await browser.text("#promote") == "Approve v1…")
                                // A reload would remove it.
                                _ = try await browser.value("window.stays = 'here'")
                            }
                            try await ann.click("#promote")
                            try await ann.wait(until: "document.querySelector('dialog[open]')")
                            #expect(try await ann.text("dialog").contains("It has 1 of 2 approvals with yours."))
                            try await ann.click("dialog button.primary")
                            try await ann.wait(until: "document.querySelector('#hindrance')")
                            #expect(try await ann.text("#hindrance").contains("ann has approved blog/1 already"))
                            #expect(try await !ann.isThere("#promote"))

                            // Bob's page says so by itself, and his click would be the last one.
                            try await bob.wait(
                                until: "document.querySelector('#promote').innerText.trim() === 'Promote v1…'")
                            #expect(
                                try await bob.text("#approvals")
                                    == "Approvals: 1 of 2: ann; another person than mike and ann has to promote it")
                            #expect(try await bob.value("window.stays").string == "here")
                            try await bob.click("#promote")
                            try await bob.wait(until: "document.querySelector('dialog[open]')")
                            #expect(try await bob.text("dialog").contains("It has all 2 approvals with yours."))
                            try await bob.click("dialog button.primary")
                            for browser in [ann, bob] {
                                try await browser.wait(
                                    until: "document.querySelector('#state')?.innerText.trim() === 'live'")
                                #expect(try await browser.text("#head").contains("approved by ann · promoted by bob"))
                                #expect(try await browser.complaints() == [])
                            }
                            #expect(try await world.served() == ["v1"])
                        }
                    }
                }
            }
        }

        @Test(
            "who requested it is told why there is no button; an administrator promotes it in a dialog, with a reason")
        func overridden() async throws {
            try await withWorld(nodes: 1, ApprovalTests.app) { world in
                let admin = try await world.token()
                let people = try await world.tokens("mike")
                try await world.serving { server in
                    let page = server.url + "/apps/blog/releases/1"
                    try await Browser.with(in: world.directory) { mike in
                        try await mike.signIn(
                            DemoStage(directory: world.directory, page: server.url + "/", token: people[0]))
                        try await mike.open(server.url + "/apps/blog")
                        #expect(
                            try await mike.text("#approval-hint")
                                == "releases of blog need approvals: 2 people other than their requester have to promote them"
                        )
                        try await mike.type("v1", into: "#version")
                        try await mike.click("#deploy button.primary")
                        try await mike.wait(until: "document.querySelector('#hindrance')")
                        #expect(
                            try await mike.text("#hindrance")
                                == "blog/1 was requested by mike: 2 people other than mike have to promote it.")
                        #expect(try await !mike.isThere("#promote"))
                        #expect(try await !mike.isThere("#override"))
                        _ = try await mike.value("window.stays = 'here'")
                        try await Browser.with(in: world.directory) { root in
                            try await root.signIn(
                                DemoStage(directory: world.directory, page: server.url + "/", token: admin))
                            try await root.open(page)
                            try await root.click("#override")
                            try await root.wait(until: "document.querySelector('dialog[open] #why')")
                            #expect(
                                try await root.text("dialog").contains(
                                    "By the rules of blog, 2 people other than mike have to promote it."))
                            // The browser does not send it without a reason.
                            try await root.click("dialog button.primary")
                            #expect(
                                try await root.value("document.querySelector('dialog #why').validity.valueMissing").bool
                                    == true)
                            try await root.type("prices are wrong", into: "dialog #why")
                            try await root.click("dialog button.primary")
                            try await root.wait(until: "document.querySelector('#state')?.innerText.trim() === 'live'")
                            #expect(
                                try await root.text("#head").contains(
                                    "promoted by anna without the approvals that it needed: “prices are wrong”"))
                            #expect(try await root.complaints() == [])
                        }
                        try await mike.wait(until: "document.querySelector('#state')?.innerText.trim() === 'live'")
                        #expect(try await mike.value("window.stays").string == "here")
                        try await mike.setScreen(width: 390)
                        for path in ["apps/blog", "apps/blog/releases/1"] {
                            try await mike.open(server.url + "/" + path)
                            let isWide = try await mike.value("document.documentElement.scrollWidth > innerWidth")
                            #expect(isWide.bool == false, "\(path) is wider than a phone")
                        }
                    }
                }
            }
        }
    }
}
