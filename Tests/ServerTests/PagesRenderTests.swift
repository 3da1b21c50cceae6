import Controller
import Foundation
import Journal
import JournalSQLite
import Logging
import Mustache
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

/// Pages as HTML, without a server: their content, and that text from outside is escaped.
@Suite struct PagesRenderTests {
    static let hostile = #"<script>alert("x")</script>"# + "\u{1b}[31mred\u{202E}" + "'\"&"

    /// The page in its layout, as a deployer gets it.
    func html(_ page: Pages.Page) async throws -> String {
        let folder = try TestFolder()
        let services = try await Services(
            apps: FakeApps(
                world: FakeWorld(), journal: try Journal(path: folder.journal), me: "me",
                configurations: [try PagesStory.configuration()]),
            journal: try Journal(path: folder.journal),
            settings: ServerSettings(listen: ListenAddress(host: "127.0.0.1", port: 0), version: "0.1.0"),
            logger: Logger(label: "test"))
        let token = try await TokenIssuer(journal: services.journal).create(
            name: "anna", role: .deployer, by: "test", origin: "test", at: services.clock.now
        ).token
        let session = try #require(try await services.authenticator.signIn(bearing: token.text, origin: "test")).session
        let html = Pages(services).render(page, session: session)
        #expect(Outline(html).imbalance == [])
        #expect(Outline(html).repeatedIDs == [])
        return html
    }

    @Test("every template can be read, has nothing inline, and is in the library")
    func templates() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/Server/Pages/Templates")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names) == Set(Templates.files.map { "\($0.name).mustache" }))
        for (name, bytes) in Templates.files {
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(throws: Never.self) { try MustacheTemplate(string: text) }
            #expect(Templates.library.getTemplate(named: name) != nil)
            #expect(!text.contains(/\sstyle=|\son[a-z]+=|<style|<script(?![^>]*src=)/), "\(name) has something inline")
            // Only the layout includes unescaped HTML.
            #expect(text.contains("{{{") == (name == "layout"), "\(name)")
        }
    }

    @Test("a running release: phases, traffic, nodes, pods and the log")
    func running() async throws {
        var story = try PagesStory()
        story.start()
        story.stage()
        story.append(.candidateConfirmed)
        story.append(.nodeSwitched(node: PagesStory.nodes[0]))
        let past = try [PagesStory.live(40), PagesStory.live(41)].map { ReleaseSummary($0.release) }
        let page = try story.page(past: past)
        #expect(page.stream == "/api/v1/apps/blog/releases/42/events?after=\(story.release.sequence)")
        #expect(page.favicon == "favicon-running.svg")
        let html = try await html(page)
        let outline = Outline(html)
        #expect(
            outline.structure
                == [
                    "h1 blog/42 20151025.143403", "h2 Phases", "h2 Traffic", "h2 Nodes", "th Node",
                    "th Answers",
                    "th Staged", "th Switched", "th Drained", "th Read back", "th Routes to", "th 10.122.43.70",
                    "th 10.122.41.136", "h2 Pods", "th Pod", "th State", "th Reason", "th Restarts",
                    "th blog-green-x1y2z",
                    "th blog-green-a3b4c", "h2 Log", "label Node", "label Phase", "button Show",
                ].adding("button Sign out"))
        let text = outline.text
        for words in [
            "switching", "Abort…", "requested by anna", "“faster front page”", "1 of 2 nodes have switched",
            "usually 10.0s", "2 of 2 pods ready", "1 to blue, 1 to green", "--- Switching 2 nodes to green ---",
        ] { #expect(text.contains(words), "\(words) is not in \(text)") }
        #expect(html.contains(#"aria-current="step""#))
        #expect(html.contains(#"<noscript><meta http-equiv="refresh" content="3"></noscript>"#))
    }

    @Test("a paused release: its preview, its deadline, Promote and Abort; a viewer sees none of the buttons")
    func paused() async throws {
        var story = try PagesStory(verify: true)
        story.start()
        story.stage()
        let html = try await html(try story.page())
        #expect(html.contains(#"href="http://preview.blog.domain.com/""#))
        #expect(html.contains(#"href="/apps/blog/releases/42/promote" data-dialog"#))
        #expect(!html.contains(#"action="/apps/blog/releases/42/promote""#), "a confirmation comes first")
        #expect(Outline(html).text.contains("1:00:00 then it aborts automatically"))
        let viewerText = Outline(try await self.html(try story.page(user: PagesStory.user(.viewer)))).text
        #expect(viewerText.contains("Your role can view this release, not promote it."))
        #expect(!viewerText.contains("Abort…"))
    }

    @Test("the timer of a phase stops when its release is aborted, also during the pause")
    func aborted() async throws {
        var story = try PagesStory(verify: true)
        story.start()
        story.stage()
        #expect(try await html(try story.page()).contains(#"class="phase held""#))
        story.append(.abortRequested(by: "anna", reason: "the font"), after: .seconds(20))
        for event in [
            Event.readBack(PagesStory.nodes.map { NodeReading(node: $0, color: .blue) }), .candidateRemoved,
        ] {
            let html = try await html(try story.page())
            #expect(html.contains(#"class="phase stop""#) && !html.contains(#"class="phase held""#))
            #expect(html.contains("aborted"))
            let verifying = try #require(html.firstMatch(of: /id="phase-verifying".*?<\/a>/)).output
            #expect(!verifying.contains("data-since"), "\(verifying)")
            story.append(event)
        }
        #expect(story.release.state == .aborted)
        let html = try await html(try story.page())
        #expect(html.contains(#"class="phase stop""#) && !html.contains("data-since"))
    }

    @Test("the history shows rollbacks, why a release was aborted, and who promoted one")
    func history() async throws {
        var promoted = try PagesStory(41, verify: true)
        promoted.start()
        promoted.stage()
        promoted.append(.promoted(by: "lisa"))
        promoted.finish()
        #expect(Outline(try await html(try promoted.page())).text.contains("promoted by lisa"))
        var aborted = try PagesStory()
        aborted.start()
        aborted.append(.abortRequested(by: "bert", reason: "wrong font"))
        var rollback = try PagesStory(43, isRollback: true)
        rollback.start()
        let page = AppPage(
            app: try PagesStory.app(nil), configuration: try PagesStory.configuration(), latest: nil,
            history: [rollback.release, aborted.release, promoted.release], before: nil,
            user: PagesStory.user(.deployer),
            now: rollback.now)
        let rows = try await html(page.page).split(separator: "<tr id=\"r").map(String.init)
        #expect(rows.first { $0.hasPrefix("43") }?.contains("rollback") == true)
        #expect(rows.first { $0.hasPrefix("42") }?.contains("aborted by bert: wrong font") == true)
        #expect(rows.first { $0.hasPrefix("42") }?.contains("rollback") == false)
    }

    @Test("impossible numbers of the cluster are not shown")
    func impossible() async throws {
        var app = try PagesStory.app(nil)
        for (replicas, ready) in [(-1, -1), (Int.min, Int.max), (Int.max, Int.min)] {
            app.colors["blue"]?.replicas = replicas
            app.colors["blue"]?.ready = ready
            let home = HomePage(
                entries: [.init(app: app, latest: nil)], query: nil, only: nil,
                now: PagesStory.start)
            let page = AppPage(
                app: app, configuration: try PagesStory.configuration(), latest: nil, history: [], before: nil,
                user: PagesStory.user(.deployer), now: PagesStory.start)
            for page in [home.page, page.page] {
                let text = Outline(try await html(page)).text
                #expect(!text.contains(/-\d/), "\(replicas) \(ready): \(text)")
            }
        }
    }

    @Test("a failure stands on top, with the version that serves")
    func failed() async throws {
        var story = try PagesStory()
        story.start()
        story.append(
            .refused(
                .awaitPods, message: "blog-green-x1y2z crashes: exit status 3",
                details: ["fatal: DATABASE_URL is missing"]))
        story.append(.readBack(PagesStory.nodes.map { NodeReading(node: $0, color: .blue) }))
        story.append(.candidateRemoved)
        #expect(story.release.state == .failed)
        let page = try story.page()
        #expect(page.stream == nil)
        let html = try await html(page)
        let text = Outline(html).text
        let cause = try #require(text.firstRange(of: "blog-green-x1y2z crashes: exit status 3"))
        let phases = try #require(text.firstRange(of: "Phases"))
        #expect(cause.lowerBound < phases.lowerBound)
        #expect(text.contains("fatal: DATABASE_URL is missing"))
        #expect(text.contains("20151018.090000 on blue serves, as before"))
        #expect(html.contains(#"class="phase fail""#))
    }

    @Test("a reason that all pods share is shown once")
    func podsWithOneReason() async throws {
        var story = try PagesStory()
        story.start()
        let reasons = ["image cannot be pulled", "image cannot be pulled", "image cannot be pulled", nil, "crashes"]
        let pods = reasons.enumerated().map { PodSummary(name: "pod-\($0)", isReady: false, reason: $1) }
        story.append(.podsObserved(PodsReport(ready: 0, desired: 5, pods: pods)))
        let html = try await html(try story.page())
        let section = try #require(
            html.firstMatch(of: #/<section class="card" id="pods".*?</section>/#.dotMatchesNewlines()))
        let text = Outline(String(section.output)).text
        #expect(text.components(separatedBy: "image cannot be pulled").count == 2, "\(text)")
        #expect(text.components(separatedBy: "as above").count == 3 && text.contains("crashes"), "\(text)")
    }

    /// A delivery with this text in all places.
    private static func delivery(_ text: String) async throws -> DeliveryView {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let new = NewDelivery(
            at: PagesStory.start, sender: text, key: text, kind: text, origin: text, events: "[]", outcome: nil)
        let id = try await journal.receive([new])[0].id
        let result = DeliveryResult(app: text, version: text, state: .started, sentence: text, number: 7)
        try await journal.finish(delivery: id, outcome: text, results: [result])
        return DeliveryView(try #require(try await journal.delivery(id)))
    }

    /// A notification with the text in every field.
    private static func notification(_ text: String) async throws -> OutboxNotification {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let new = NewNotification(
            destination: text, kind: text, app: text, number: 1, message: text, payload: text, at: PagesStory.start)
        try await journal.enqueue([new], cursors: [:], at: PagesStory.start)
        let queued = try #require(try await journal.notifications(limit: 1).first)
        try await journal.endAttempt(queued, .failed, answer: text, nextAt: PagesStory.start)
        return try #require(try await journal.notification(queued.id))
    }

    @Test("HTML and terminal escapes in versions, reasons, nodes, pods and logs are shown as text")
    func hostile() async throws {
        let bad = Self.hostile
        var story = try PagesStory(version: bad, reason: bad, verify: true)
        story.start()
        story.append(
            .podsObserved(
                PodsReport(
                    ready: 0, desired: 2, pods: [PodSummary(name: bad, isReady: false, reason: bad)], warnings: [bad])))
        story.append(.said(LogMessage(source: bad, bad)))
        story.append(.troubled(.awaitPods, message: bad))
        var failed = story
        failed.append(.refused(.awaitPods, message: bad, details: [bad]))
        let app = try PagesStory.app(
            story.release, readings: [NodeReading(node: bad, color: nil, message: bad)], problem: bad)
        let home = HomePage(
            entries: [.init(app: app, latest: failed.release)], query: bad, only: nil,
            now: story.now)
        var appPage = AppPage(
            app: app, configuration: try PagesStory.configuration(), latest: nil, history: [failed.release],
            before: nil,
            user: PagesStory.user(.deployer), now: story.now)
        appPage.form = DeployForm(["version": bad, "replicas": bad, "reason": bad])
        appPage.error = bad
        let pushed = PushedVersion(
            app: "blog", version: bad, digest: "sha256:" + bad, commit: bad, source: "https://" + bad, ref: bad,
            url: "https://" + bad, pushedAt: story.now, sender: bad)
        let states = VersionStates(Admission(app: "blog", releases: []))
        let version = VersionView(pushed, of: try PagesStory.configuration(), states)
        appPage.admission = AppAdmission(
            holds: [.init(sentence: bad, lock: bad, isAutomatic: false)], versions: [version], mayOverride: true)
        appPage.app.queued = AppView.QueuedView(version: bad, since: story.now, waits: bad)
        let versions = VersionsPage(
            app: "blog", list: VersionList(versions: [version], next: bad), isFirst: false, mayRelease: true,
            now: story.now)
        var deliveries = DeliveriesPage(deliveries: [], app: bad, before: nil, now: story.now)
        deliveries.deliveries = await [try Self.delivery(bad)]
        var notifications = await NotificationsPage(
            destinations: [DestinationStatus(name: bad)], notifications: [try Self.notification(bad)],
            user: PagesStory.user(.deployer), now: story.now)
        notifications.filter.app = bad
        notifications.filter.destination = bad
        notifications.test = DestinationTest(destination: bad, delivered: false, answer: bad)
        var nodes = NodesPage(now: story.now)
        nodes.query = nil
        nodes.add(
            AppObservation(
                at: story.now, survey: ClusterSurvey(recorded: nil, recordedBy: nil, workloads: [:]),
                readings: [NodeReading(node: bad, color: nil, message: bad)]), of: "blog", isReleasing: false)
        let entry = AuditEntry(
            at: story.now, who: bad, action: bad, app: bad, release: 1, origin: bad, reason: bad, detail: bad)
        let pages = [
            try story.page(), try failed.page(), home.page, appPage.page, nodes.page, versions.page,
            deliveries.page, notifications.page, AuditPage(entries: [entry], app: bad, now: story.now).page,
            Pages.signInPage(next: "/" + bad),
        ]
        for page in pages {
            let html = try await html(page)
            #expect(!html.contains("<script>alert"), "\(page.template)")
            #expect(!html.contains("\u{1b}"), "\(page.template)")
            #expect(!html.contains("\u{202E}"), "\(page.template)")
            if page.template != "signin" { #expect(html.contains("&lt;script&gt;alert("), "\(page.template)") }
        }
    }

    @Test("a log of 50,000 lines is shown a page at a time, each line under its own number")
    func longLog() async throws {
        let story = try await Self.long()
        let total = story.events.map(\.text.count).reduce(0, +)
        #expect(total > 50_000)
        func part(_ view: ReleaseLog.View) -> ReleaseLog.Part { story.history.part(view) }
        func lines(_ view: ReleaseLog.View) -> [Int] { part(view).lines.map(\.number) }
        var view = ReleaseLog.View()
        #expect(lines(view) == Array(total - 499...total))
        #expect(part(view).earlier == total - 500 && !part(view).hasLater)
        view.since = total - 3
        #expect(lines(view) == Array(total - 2...total))
        #expect(part(view).shown == total - 499...total)
        view.since = nil
        view.upTo = 700
        #expect(lines(view) == Array(201...700))
        #expect(part(view).earlier == 200 && part(view).hasLater && part(view).later == 1200)
        view.upTo = total - 500
        #expect(part(view).hasLater && part(view).later == nil)
        view.upTo = total + 10
        #expect(lines(view).last == total && !part(view).hasLater)
        view.upTo = 0
        #expect(lines(view).isEmpty && part(view).shown == nil)
        view.upTo = nil
        view.node = PagesStory.nodes[0]
        let some = lines(view)
        #expect(some.count == 500)
        #expect(zip(some, some.dropFirst()).allSatisfy { $1 - $0 == 2 })
        view.node = "10.0.0.1"
        #expect(part(view).shown == nil && part(view).earlier == nil)
        // The cost of a refresh does not grow with the log. Processor time, because the machine may be busy.
        func cost(_ story: PagesStory) throws -> Duration {
            var view = ReleaseLog.View()
            view.since = story.events.count - 10
            return try (0..<5).map { _ in
                let before = Self.processorTime
                _ = try story.page(view)
                return Self.processorTime - before
            }.min() ?? .zero
        }
        let (short, long) = (try cost(try await Self.long(1000)), try cost(story))
        #expect(long < short * 4 + .milliseconds(10), "\(short) with 1,000 events, \(long) with 50,000")
    }

    @Test("each part of a log equals a search through all of it, with any filter")
    func partsOfLog() async throws {
        var story = try PagesStory.live(41)
        story.append(.replaced(by: 42, rolledBack: false))
        let nodes: [String?] = [nil, PagesStory.nodes[0], PagesStory.nodes[1], "10.0.0.1"]
        let phases: [Phase?] = [nil, .discovering, .staging, .switching, .done, .verifying]
        let count = story.events.map(\.text.count).reduce(0, +)
        for node in nodes {
            for phase in phases {
                await Task.yield()
                for upTo in [nil] + (0...count + 1).map(Int?.some) {
                    var view = ReleaseLog.View()
                    (view.node, view.phase, view.upTo) = (node, phase, upTo)
                    let part = story.history.part(view, length: 4)
                    let plain = Self.part(of: story, view, length: 4)
                    #expect(part.lines.map(\.number) == plain.lines, "\(view)")
                    #expect(part.lines.map { $0.event.text[$0.line] } == plain.texts, "\(view)")
                    #expect(part.earlier == plain.earlier, "\(view)")
                    #expect(part.hasLater == plain.hasLater, "\(view)")
                    #expect(part.later == plain.later, "\(view)")
                }
            }
        }
    }

    /// The same by a search through all events.
    private static func part(of story: PagesStory, _ view: ReleaseLog.View, length: Int)
        -> (lines: [Int], texts: [String], earlier: Int?, hasLater: Bool, later: Int?)
    {
        var lines: [(number: Int, text: String)] = []
        var number = 0
        for event in story.events {
            for text in event.text {
                number += 1
                let isAbout = view.node.map { event.nodes.contains($0) } ?? true
                if isAbout, view.phase ?? event.phase == event.phase { lines.append((number, text)) }
            }
        }
        let end = view.upTo.map { last in lines.firstIndex { $0.number > last } ?? lines.count } ?? lines.count
        let start = max(0, end - length)
        return (
            lines[start..<end].map(\.number), lines[start..<end].map(\.text), start > 0 ? lines[start - 1].number : nil,
            end < lines.count, end + length < lines.count ? lines[end + length - 1].number : nil
        )
    }

    /// A release with a long log from two nodes.
    private static func long(_ count: Int = 50_000) async throws -> PagesStory {
        var story = try PagesStory(41)
        story.start()
        while story.events.count < count {
            story.append(.said(LogMessage(source: PagesStory.nodes[story.events.count % 2], "line")), after: .zero)
            if story.events.count % 500 == 0 { await Task.yield() }
        }
        return story
    }

    /// The processor time of this thread.
    private static var processorTime: Duration {
        // Fields by offset: their names depend on the C module that the compiler reads first.
        withUnsafeTemporaryAllocation(of: timespec.self, capacity: 1) { time in
            guard let address = time.baseAddress else { return .zero }
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, address)
            let fields = UnsafeRawBufferPointer(time)
            return .seconds(fields.load(as: Int.self))
                + .nanoseconds(fields.load(fromByteOffset: MemoryLayout<Int>.size, as: Int.self))
        }
    }

    @Test("500 apps on the first page, and 300 nodes of a release")
    func many() async throws {
        let entries = try (1...500).map { number in
            HomePage.Entry(
                app: try PagesStory.app(nil, name: "app-\(number)"), latest: nil)
        }
        let home = HomePage(entries: entries, query: nil, only: nil, now: PagesStory.start)
        let html = try await html(home.page)
        #expect(html.matches(of: /<li class="app"/).count == 500)
        let some = HomePage(entries: entries, query: "app-49", only: ["app-49", "app-491"], now: PagesStory.start)
        #expect(try await self.html(some.page).matches(of: /<li class="app"/).count == 2)
        #expect(!html.contains("More apps") && html.contains("data-filter"))
        let nodes = (1...300).map { "10.0.\($0 / 250).\($0 % 250)" }
        var story = try PagesStory()
        story.start(nodes: nodes)
        story.stage(nodes: nodes)
        #expect(try await self.html(try story.page()).matches(of: /<tr id="node-/).count == 300)
    }

    @Test(
        "of more apps than 500 the first page has those that need attention, and the others are on the next ones or found"
    )
    func thousands() async throws {
        let entries = try (1...1200).map { number in
            HomePage.Entry(
                app: try PagesStory.app(nil, name: "app-\(number)", problem: number == 1100 ? "gone" : nil), latest: nil
            )
        }
        func page(_ query: String? = nil, from start: Int = 0, only: Set<String>? = nil) async throws -> String {
            let home = HomePage(entries: entries, query: query, from: start, only: only, now: PagesStory.start)
            return try await html(home.page)
        }
        let first = try await page()
        #expect(first.matches(of: /<li class="app"/).count == 500 && first.contains("1200 apps, 1 to 500"))
        let rows = first.matches(of: /<li class="app" id="app-([^"]+)"/).map { String($0.1) }
        #expect(rows.first == "app-1100" && rows.last == "app-499")
        // What is typed is searched for among all of them.
        #expect(first.contains("href=\"/?from=500\"") && !first.contains("data-filter"))
        let last = try await page(from: 1000)
        #expect(last.matches(of: /<li class="app"/).count == 200 && last.contains("1200 apps, 1001 to 1200"))
        #expect(!last.contains("More apps"))
        let found = try await page("app-11")
        #expect(found.matches(of: /<li class="app"/).count == 111 && found.contains("111 of 1200 apps"))
        #expect(try await page("APP-").contains("href=\"/?from=500&amp;q=app%2D\""))
        #expect(try await page(only: ["app-3", "app-800"]).matches(of: /<li class="app"/).count == 1)
        for start in [1200, 5000] {
            let beyond = try await page(from: start)
            #expect(beyond.contains("There are no more apps"))
        }
        #expect(try await page(from: -7).contains("1 to 500"))
    }

    @Test("nodes are grouped by their clusters, where these have names: two of one address are two")
    func clusters() async throws {
        func page(_ clusters: String?...) -> NodesPage {
            var page = NodesPage(now: PagesStory.start)
            for cluster in clusters {
                page.add(
                    AppObservation(
                        at: PagesStory.start, survey: ClusterSurvey(recorded: nil, recordedBy: nil, workloads: [:]),
                        readings: [NodeReading(node: "10.0.0.1", color: .blue)]),
                    of: "app-\(cluster ?? "blog")", in: cluster, isReleasing: false)
            }
            return page
        }
        let one = try await html(page(nil).page)
        #expect(one.contains("<tr id=\"n-10.0.0.1\"") && !one.contains("rowgroup"))
        let several = try await html(page("west", nil).page)
        #expect(several.contains("2 nodes, 2 apps"))
        #expect(several.contains("<tr id=\"n-west-10.0.0.1\"") && several.contains("<tr id=\"n-default-10.0.0.1\""))
        #expect(several.contains("<h2>west</h2>") && several.contains("<h2>default</h2>"))
    }

    @Test("an app's cluster is beside its name, and finds it")
    func clusterOfApp() async throws {
        var app = try PagesStory.app(nil, name: "shop")
        app.cluster = "west"
        func home(_ query: String?) -> HomePage {
            HomePage(
                entries: [.init(app: app, latest: nil)], query: query, only: nil,
                now: PagesStory.start)
        }
        let found = try await html(home("wes").page)
        #expect(found.contains("data-key=\"shop west\""))
        let none = try await html(home("east").page)
        #expect(!none.contains("<li class=\"app\""))
        let page = AppPage(
            app: app, configuration: try PagesStory.configuration(), latest: nil, history: [], before: nil,
            user: PagesStory.user(.deployer), now: PagesStory.start)
        let text = try await html(page.page)
        #expect(text.contains("cluster west · namespace"))
    }

    @Test("apps that need attention come first")
    func order() throws {
        var running = try PagesStory()
        running.start()
        var paused = try PagesStory(verify: true)
        paused.start()
        paused.stage()
        let drifted = try PagesStory.app(nil, name: "c", readings: [NodeReading(node: "n", color: .green)])
        let home = HomePage(
            entries: [
                .init(app: try PagesStory.app(nil, name: "d"), latest: nil),
                .init(app: drifted, latest: nil),
                .init(
                    app: try PagesStory.app(running.release, name: "b"), latest: running.release),
                .init(
                    app: try PagesStory.app(paused.release, name: "a"), latest: paused.release),
            ], query: nil, only: nil, now: PagesStory.start)
        let apps = try #require(home.page.model["apps"] as? [PageValues])
        #expect(apps.map { $0["app"] as? String } == ["a", "b", "c", "d"])
        #expect(home.page.title == "(1) Apps")
    }

    @Test("usual times are medians of releases that went live, without the pause for verification")
    func usual() throws {
        var long = try PagesStory(39, verify: true)
        long.start()
        long.stage()
        long.append(.promoted(by: "anna"), after: .seconds(1000))
        long.finish()
        var failed = try PagesStory(38)
        failed.start()
        failed.append(.abortRequested(by: "anna", reason: nil), after: .seconds(500))
        let summaries = [try PagesStory.live(41), long, failed].map { ReleaseSummary($0.release) }
        let usual = UsualTimes(summaries, besides: 42)
        #expect(usual.phases[.starting] == .seconds(10))
        #expect(usual.phases[.verifying] == nil)
        let whole = try #require(usual.whole)
        #expect(whole < .seconds(100), "\(whole)")
        #expect(UsualTimes(summaries, besides: 41).phases[.draining] == .seconds(31))
        #expect(UsualTimes.median([.seconds(1), .seconds(4)]) == .milliseconds(2500))
        #expect(UsualTimes.median([]) == nil)
    }

    @Test("sign-in redirects only to this server")
    func next() {
        for bad in ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/\u{0}"] {
            #expect(Pages.safe(bad) == "/", "\(bad)")
        }
        #expect(Pages.safe("/apps/blog?x=1") == "/apps/blog?x=1")
        #expect(DisplayText.preview("javascript:alert(1)") == nil)
    }

    @Test("formatted times")
    func times() {
        let now = PagesStory.start
        #expect(DisplayText.when(now, now: now) == "25 Oct 14:34")
        #expect(DisplayText.when(now, now: now + .seconds(86_400 * 365), seconds: true) == "25 Oct 2015 14:34:03")
        #expect(DisplayText.ago(now, now: now + .seconds(59)) == "59 s")
        #expect(DisplayText.ago(now, now: now + .seconds(7300)) == "2 h")
        #expect(DisplayText.left(now + .seconds(3723), now: now) == "1:02:03")
        #expect(DisplayText.left(now, now: now + .seconds(5)) == "0:00")
        // Logs have the zone, on pages and on terminals.
        #expect(now.clockTime == "14:34:03 UTC")
    }
}

extension [String] {
    /// The layout's elements come before the page's.
    fileprivate func adding(_ first: String) -> [String] { [first] + self }
}
