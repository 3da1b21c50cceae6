import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import NIOCore
import ReleaseMachine

extension Pages {
    /// `/apps/{app}/releases/{number}`: phases, nodes, pods and the log of one release, updated live.
    @Sendable func showRelease(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let number = try context.number("number")
        guard let feed = try await services.appStates.feed(app, number) else {
            throw try await services.noRelease(app, number)
        }
        let view = ReleaseLog.View(request)
        let page = ReleasePage(
            snapshot: await feed.snapshot(view),
            app: await services.appStates.app(app),
            latest: await services.appStates.latest(app),
            usual: UsualTimes(try await services.appStates.summaries(app, limit: 40), besides: number),
            view: view,
            user: context.identity,
            now: services.clock.now
        )
        var shown = page.page
        if !services.outbox.destinations.isEmpty {
            var filter = NotificationFilter()
            (filter.app, filter.release) = (app, number)
            shown.model["notifications"] = filter.address
        }
        return respond(shown, request, context)
    }

    /// The whole log as plain text.
    @Sendable func plainLog(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let number = try context.number("number")
        guard let feed = try await services.appStates.feed(app, number) else {
            throw try await services.noRelease(app, number)
        }
        return Response.plain(await feed.events.map { $0.text.map { $0 + "\n" }.joined() }.joined())
    }
}

struct ReleasePage {
    var snapshot: ReleaseSnapshot
    var app: AppView?
    /// The app's newest release. Only its page shows the traffic.
    var latest: Release?
    var usual: UsualTimes
    var view = ReleaseLog.View()
    var user: Identity?
    var now: Timestamp

    private var release: Release { snapshot.release }
    private var order: Order { release.order }
    private var path: String { "/apps/\(order.app)/releases/\(order.number)" }

    var page: Pages.Page {
        var model = PageValues()
        fillHead(&model)
        fillAttention(&model)
        ReleaseTimeline(release: release, usual: usual, path: path, view: view, now: now).fill(&model)
        let isNewest = latest?.order.number == order.number
        model["showsTraffic"] = isNewest && app != nil
        if isNewest, let app { TrafficDiagram(app, latest: release).fill(&model, now: now) }
        NodeGrid(release: release, marks: snapshot.marks, path: path).fill(&model)
        fillPods(&model)
        ReleaseLog(release: release, part: snapshot.log, view: view, path: path).fill(&model)
        let hasEnded = release.state.hasEnded
        return Pages.Page(
            template: "release",
            title: "\(titleMark)\(order.name) \(order.version)",
            section: .apps,
            model: model,
            stream: hasEnded ? nil : "/api/v1\(path)/events?after=\(release.sequence)",
            refresh: hasEnded ? nil : release.state == .paused ? 15 : 3,
            favicon: DisplayText.favicon(release.state)
        )
    }

    private var titleMark: String {
        switch release.state {
        case .running: "▸ "
        case .paused: "‖ "
        case .live: "✓ "
        case .failed: "✕ "
        default: ""
        }
    }

    private func fillHead(_ model: inout PageValues) {
        model["app"] = order.app
        model["name"] = order.name
        model["version"] = order.version
        model["href"] = path
        model["kind"] = release.order.isRollback ? "Rollback" : "Deploy"
        model["hue"] = DisplayText.hue(release.candidate)
        model["previous"] = release.previous.map { previous in
            PageValues {
                $0["version"] = previous.version
                $0["color"] = previous.color.rawValue
            }
        }
        model["by"] = order.requestedBy
        model["iso"] = release.createdAt.iso8601
        model["when"] = DisplayText.when(release.createdAt, now: now)
        model["reason"] = order.reason
        model["changes"] = release.compareURL.map { url in
            PageValues {
                $0["href"] = url
                $0["label"] = release.order.isRollback ? "changes that it takes back" : "changes"
            }
        }
        let origin = origin
        model["hasOrigin"] = !origin.isEmpty
        model["origin"] = origin
        let approvers = release.approvals.map(\.by).filter { $0 != release.promotedBy }
        model["approvedBy"] = approvers.isEmpty ? nil : approvers.joined(separator: ", ")
        model["promotedBy"] = release.promotedBy
        model["forcedReason"] = release.forcedReason
        model["badge"] = DisplayText.badge(release)
        model["announce"] = announcement
        model["mayAbort"] = user?.mayRelease(order.app) ?? false && (try? release.checkAbortable()) != nil
        model["isRunning"] = !release.state.hasEnded
        model["elapsed"] = release.elapsed(at: now).short
        model["usual"] = usual.whole?.short
    }

    /// Which image it is, what it was built from, and why it could start.
    private var origin: [PageValues] {
        func fact(_ label: String, _ mono: String? = nil, whole: String? = nil, href: String? = nil) -> PageValues {
            PageValues {
                $0["label"] = label
                $0["mono"] = mono
                $0["whole"] = whole
                $0["href"] = href
            }
        }
        var facts: [PageValues] = []
        if let digest = order.digest {
            facts.append(fact("image", String(digest.drop { $0 != ":" }.dropFirst().prefix(12)), whole: digest))
        }
        if let commit = order.commit {
            facts.append(
                fact(
                    "commit", String(commit.prefix(7)), whole: commit,
                    href: VersionsPage.commitURL(order.source, commit)))
        }
        if let ref = order.ref { facts.append(fact("from", ref)) }
        if order.isAutomatic == true { facts.append(fact("started by a hook or a script")) }
        if order.isOlder == true { facts.append(fact("older than what was live")) }
        if let overrode = order.overrode { facts.append(fact("in spite of: \(overrode)")) }
        return facts
    }

    /// Read by screen readers when it changes.
    private var announcement: String {
        switch release.state {
        case .running: return "\(order.name) is \(release.isBackingOut ? "going back" : release.phase.rawValue)"
        case .paused:
            return "\(order.name) is awaiting promotion" + (release.approvalCount.map { ", approved \($0)" } ?? "")
        default: return Outcome(release).plain
        }
    }

    private func fillAttention(_ model: inout PageValues) {
        model["failure"] = release.failure.map { failure in
            PageValues {
                $0["icon"] = "cross"
                $0["message"] = failure.message
                $0["hasDetails"] = !failure.details.isEmpty
                $0["details"] = Array(failure.details.prefix(200))
                $0["serves"] = release.state.hasEnded ? serves : "The release is going back."
                $0["phase"] = failure.phase.rawValue
                $0["href"] = path
            }
        }
        model["aborted"] = aborted.map { text in PageValues { $0["text"] = text } }
        model["awaiting"] = release.state == .paused ? awaiting : nil
        model["outcome"] = release.state == .live && release.needRepair.isEmpty ? Outcome(release).plain : nil
        model["repair"] = release.needRepair.isEmpty || !release.state.hasEnded ? nil : repair
        model["problem"] = release.state.hasEnded ? nil : release.problem
        model["replaced"] = release.replacedBy.map { number in
            PageValues {
                $0["name"] = "\(order.app)/\(number)"
                $0["href"] = "/apps/\(order.app)/releases/\(number)"
            }
        }
    }

    /// What serves after a release that did not go live.
    private var serves: String {
        if release.survey == nil { return "Nothing was touched." }
        return release.previous.map { "\($0.version) on \($0.color) serves, as before." }
            ?? "Nothing serves yet, as before."
    }

    private var aborted: String? {
        let end = release.state.hasEnded ? " \(serves)" : " The release is going back."
        return switch release.cause {
        case .aborted(let by, let reason):
            "Aborted by \(by)" + (reason.map { ": “\($0)”." } ?? ".") + end
        case .verificationExpired: "Nobody promoted it in time." + end
        case .superseded(let version): "Given up for \(version), which is newer." + end
        case .failure, nil: nil
        }
    }

    private var awaiting: PageValues {
        var model = HomePage.awaiting(release, user, now: now)
        let pods = release.pods.map { "with \(counted($0.ready, "pod"))" } ?? ""
        let place = release.candidate.map { " on \($0)" } ?? ""
        let still = release.previous.map { "Visitors still get \($0.version) on \($0.color)." } ?? "Nothing serves yet."
        model["summary"] =
            "\(order.version) is ready\(place) \(pods) and answers from \(counted(release.nodes.count { $0.state == .staged }, "node")). \(still)"
        return model
    }

    private var repair: PageValues {
        PageValues {
            $0["count"] = counted(release.needRepair.count, "node")
            $0["app"] = order.app
            $0["isUnclear"] = release.needRepair.contains { $0.isUnclear }
            $0["nodes"] = release.needRepair.map { reading in
                "\(reading.node): \(reading.message ?? reading.color.map { "routes to \($0)" } ?? "unknown")"
            }
        }
    }

    private func fillPods(_ model: inout PageValues) {
        let report = release.pods
        let pods = (report?.pods ?? []).sorted { !$0.isReady && $1.isReady }
        model["podsDone"] = report.map { "\($0.ready) of \($0.desired) ready" }
        model["hasPods"] = !pods.isEmpty
        // The reason is often long, and the same for all pods.
        let above = [nil] + pods.dropLast().map(\.reason)
        model["pods"] = zip(pods, above).map { pod, above in
            PageValues {
                $0["name"] = pod.name
                $0["badge"] =
                    pod.isReady
                    ? DisplayText.badge("live", "ready", "check") : DisplayText.badge("running", "not ready", "wait")
                $0["reason"] = pod.reason == above ? above.map { _ in "as above" } : pod.reason
                $0["restarts"] = pod.restarts
            }
        }
        model["warnings"] = report?.warnings ?? []
    }
}

extension Outcome {
    /// The sentence without the `-- DEPLOY … --` prefix of the log.
    var plain: String {
        var text = sentence
        for mark in ["DONE", "FAILED", "ABORTED", "ROLLED BACK"] {
            text = text.replacing("-- DEPLOY \(mark) -- ", with: "")
        }
        return text + "."
    }
}
