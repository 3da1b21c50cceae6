import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Approvals, on the pages")
struct ApprovalPagesTests {
    private static var twoOthers: Rules {
        var rules = Rules()
        (rules.approvals, rules.approvers) = (2, .others)
        return rules
    }

    /// A release that anna requested, paused.
    private func paused(_ rules: Rules = twoOthers) throws -> PagesStory {
        var story = try PagesStory(verify: true, rules: rules)
        story.start()
        story.stage()
        return story
    }

    /// What the card says, and which buttons it has: `promote`, `override`, `hindrance`.
    private func card(_ story: PagesStory, _ user: Identity) async throws -> (text: String, ids: [String]) {
        let html = try await withServer { server in
            Pages(server.services).render(try story.page(user: user), session: nil)
        }
        let card = try #require(html.firstMatch(of: /<section class="card await".*?<\/section>/.dotMatchesNewlines()))
        let ids = ["promote", "override", "hindrance", "approvals"].filter { card.output.contains("id=\"\($0)\"") }
        return (Outline(String(card.output)).text, ids)
    }

    @Test("the button says what the user's promotion does, or why there is none")
    func offers() async throws {
        var story = try paused()
        let first = try await card(story, PagesStory.user(.deployer, "lisa"))
        #expect(first.ids == ["promote", "approvals"])
        #expect(first.text.contains("Approve 20151025.143403…"), "\(first.text)")
        #expect(first.text.contains("Approvals: 0 of 2; 2 people other than anna have to promote it"))
        let own = try await card(story, PagesStory.user(.deployer, "anna"))
        #expect(own.ids == ["hindrance", "approvals"])
        #expect(own.text.contains("blog/42 was requested by anna: 2 people other than anna have to promote it."))
        story.append(.approved(by: "lisa"))
        let again = try await card(story, PagesStory.user(.deployer, "lisa"))
        #expect(again.ids == ["hindrance", "approvals"] && again.text.contains("lisa has approved blog/42 already"))
        #expect(again.text.contains("Approvals: 1 of 2: lisa; another person than anna and lisa has to promote it"))
        let last = try await card(story, PagesStory.user(.deployer, "bert"))
        #expect(last.ids == ["promote", "approvals"] && last.text.contains("Promote 20151025.143403…"))
        let viewer = try await card(story, PagesStory.user(.viewer, "vera"))
        #expect(viewer.ids == ["hindrance", "approvals"])
        #expect(viewer.text.contains("Your role can view this release, not promote it."))
    }

    @Test("an administrator is offered to do without the approvals that are missing, and only where some are")
    func override() async throws {
        var story = try paused()
        #expect(try await card(story, PagesStory.user(.admin, "anna")).ids == ["override", "hindrance", "approvals"])
        #expect(try await card(story, PagesStory.user(.admin, "root")).ids == ["promote", "override", "approvals"])
        story.append(.approved(by: "lisa"))
        #expect(try await card(story, PagesStory.user(.admin, "root")).ids == ["promote", "approvals"])
        #expect(try await card(try paused(Rules()), PagesStory.user(.admin, "anna")).ids == ["promote"])
        let late = try paused()
        var page = ReleasePage(
            snapshot: late.history.snapshot(.init()), latest: late.release, usual: UsualTimes(),
            user: PagesStory.user(.admin, "root"), now: late.now + .seconds(3601)
        ).page
        page.stream = nil
        let html = try await withServer { [page] server in Pages(server.services).render(page, session: nil) }
        #expect(html.contains("can no longer be promoted") && !html.contains(#"id="override""#))
    }

    @Test("afterwards the page says who approved and who promoted, and why without the others")
    func afterwards() async throws {
        var story = try paused()
        story.append(.approved(by: "lisa"))
        let counted = story
        var forced = story
        story.append(.promoted(by: "bert"))
        forced.append(.promotionForced(by: "root", reason: "<b>prices</b>"))
        // Read by screen readers when it changes.
        #expect(
            try counted.page().model["announce"] as? String == "blog/42 is awaiting promotion, approved 1 of 2: lisa")
        let pages = (try story.page(), try forced.page())
        let texts = try await withServer { server in
            [pages.0, pages.1].map { Outline(Pages(server.services).render($0, session: nil)).text }
        }
        #expect(texts[0].contains("approved by lisa · promoted by bert"), "\(texts[0])")
        #expect(
            texts[1].contains(
                "approved by lisa · promoted by root without the approvals that it needed: “<b>prices</b>”"),
            "\(texts[1])")
    }

    @Test("the asking page and the form: an approval, the last one, an override with its reason")
    func forms() async throws {
        try await withServer(configure: { $0.verify = .init(timeout: testLimit, approvals: 2, by: .others) }) {
            server in
            let mike = try await PagesTests.Visitor(server, token: try server.token(.deployer, name: "mike"))
            let ann = try await PagesTests.Visitor(server, token: try server.token(.deployer, name: "ann"))
            let root = try await PagesTests.Visitor(server, token: server.admin)
            let page = try await mike.get("/apps/blog")
            #expect(page.text.contains("releases of blog need approvals: 2 people other than their requester"))
            #expect(page.text.contains(#"value="yes" checked>pause"#), "the form pauses unless somebody says otherwise")
            let key = String(try #require(page.text.firstMatch(of: /name="key" value="([^"]+)"/)).1)
            let refused = try await mike.send(
                "/apps/blog/deploy", ["version": TestServer.version, "verify": "no", "key": key])
            let shown = try await mike.get(try #require(refused.headers["Location"]))
            #expect(shown.text.contains("Deploy without --no-verify"), "\(refused)")
            _ = try await mike.send(
                "/apps/blog/deploy", ["version": TestServer.version, "verify": "yes", "key": UUID().uuidString])
            _ = try await server.release(1, in: .paused)
            let path = "/apps/blog/releases/1/promote"
            #expect(try await mike.get(path).status == 409)
            #expect(try await mike.get(path + "?override=yes").status == 403)
            let asked = Outline(try await ann.get(path).text).text
            #expect(
                asked.contains("Approve blog/1") && asked.contains("It has 1 of 2 approvals with yours."), "\(asked)")
            #expect(try await ann.send(path).headers["Location"] == "/apps/blog/releases/1")
            #expect(try await server.release(1, in: .paused).approvalCount == "1 of 2: ann")
            #expect(try await ann.send(path).status == 409)
            let last = Outline(try await root.get(path).text).text
            #expect(last.contains("It has all 2 approvals with yours."), "\(last)")
        }
    }

    @Test("the override's form takes a reason, and is refused without one; a deployer's is refused")
    func overrideForm() async throws {
        try await withServer(configure: { $0.verify = .init(timeout: testLimit, approvals: 2, by: .others) }) {
            server in
            let mike = try await PagesTests.Visitor(server, token: try server.token(.deployer, name: "mike"))
            let root = try await PagesTests.Visitor(server, token: server.admin)
            #expect(try await server.deploy().status == 201)
            _ = try await server.release(1, in: .paused)
            let path = "/apps/blog/releases/1/promote"
            let form = try await root.get(path + "?override=yes")
            let asked = Outline(form.text).text
            #expect(asked.contains("Promote blog/1 without the approvals that it needs"), "\(asked)")
            #expect(asked.contains("By the rules of blog, 2 people other than anna have to promote it."))
            #expect(form.text.contains(#"name="override" value="yes""#) && form.text.contains("required"))
            let empty = try await root.send(path, ["override": "yes", "reason": " "])
            #expect(empty.status == 422 && empty.text.contains(#"role="alert""#), "\(empty)")
            #expect(try await mike.send(path, ["override": "yes", "reason": "me"]).status == 403)
            #expect(try await server.release(1, in: .paused).state == .paused)
            let done = try await root.send(path, ["override": "yes", "reason": "prices are wrong"])
            #expect(done.status == 303, "\(done)")
            #expect(try await server.release(1, in: .live).forcedReason == "prices are wrong")
            let audit = Outline(try await root.get("/audit").text).text
            #expect(audit.contains("prices are wrong") && audit.contains("without the approvals that it needed"))
        }
    }
}
