import Controller
import Foundation
import HTTPTypes
import Integrations
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// One request from Slack: who it is from, what is done, and what the person is told.
struct SlackAct: Sendable {
    enum Outcome: Sendable {
        /// It has been acted on, and the person is to be told so. `isWritten`: the journal says so, too.
        case done(SlackText, isWritten: Bool)
        /// The journal cannot be used: it is acted on again.
        case held(JournalError)
        /// The server stops. It stays in the journal.
        case stopped
    }

    /// Older requests are not acted on: the person has seen by now that nothing happened, and may have changed their mind.
    static let mostAge = Duration.seconds(300)
    /// How far the clock may have been set back since a request was written down.
    private static let mostSetBack = Duration.seconds(60)

    let written: WrittenSlackRequest
    let request: SlackRequest
    let requests: SlackRequests
    let services: Services
    let command: SlackCommand

    init(written: WrittenSlackRequest, request: SlackRequest, requests: SlackRequests, services: Services) {
        self.written = written
        self.request = request
        self.requests = requests
        self.services = services
        command = SlackCommand(request.action)
    }

    private var clock: any ReleaseClock { services.clock }
    private var wording: SlackWording {
        SlackWording(command: requests.access.configuration.command, server: services.settings.url)
    }

    /// Acts on the request, and writes down that it has been acted on. `verdict` is who the person is, where that is known already.
    func run(_ verdict: SlackIdentities.Verdict?) async -> Outcome {
        do {
            let answer = try await answer(verdict)
            return await .done(answer, isWritten: (try? finish(answer)) != nil)
        } catch let error as JournalError {
            return .held(error)
        } catch {
            return .stopped
        }
    }

    /// Writes down that the request has been acted on.
    func finish(_ answer: SlackText) async throws(JournalError) {
        // Of a link's code only the hash is stored.
        let told = answer.markup.replacing(/code=[\w-]+/, with: "code=…").cut(4000)
        try await services.journal.finish(slackRequest: written.id, answer: told, at: clock.now)
    }

    /// What a person is told while the journal cannot be used. The request stays in it, also over a restart.
    var holdup: SlackText {
        wording.sentence(
            "The server cannot use its journal at present, so this is not done yet. It tries again until "
                + "\((written.sentAt + Self.mostAge).minuteTime), and tells you what became of it.")
    }

    /// - Throws: `JournalError` or `CancellationError`.
    private func answer(_ verdict: SlackIdentities.Verdict?) async throws -> SlackText {
        if case .help(let problem) = command { return wording.help(problem) }
        if let why = expiry { return written.isBegun ? uncertain : wording.sentence(why) }
        let known: SlackIdentities.Verdict
        if let verdict { known = verdict } else { known = try await requests.identities.identify(request) }
        switch known {
        case .known(let identity): return try await act(as: identity)
        case .unknown: return try await refuseUnknown()
        case .otherWorkspace:
            await audit(request.user.alias, nil, "belongs to another workspace")
            return "You belong to another Slack workspace than this app: nothing was done."
        case .unavailable(let why):
            return wording.sentence(
                "Slack did not say who you are, so nothing was done (\(why.safeLine.cut(300))). Try again, or use the pages or the command line."
            )
        }
    }

    /// Why the request is not acted on any more.
    private var expiry: String? {
        let age = clock.now - written.sentAt
        let time = written.sentAt.minuteTime
        if age > Self.mostAge {
            return
                "The server could not do this within \(Self.mostAge.components.seconds / 60) minutes after you asked "
                + "(\(time)): nothing was done. If it is still what you want, ask again."
        }
        // Nobody knows how old it is.
        guard age < .zero - Self.mostSetBack else { return nil }
        return "The server's clock was set back since you asked (\(time)): nothing was done. "
            + "If it is still what you want, ask again."
    }

    /// For what must not be done twice, and was begun before.
    private var uncertain: SlackText {
        wording.sentence(
            "The server was interrupted while it did what you asked for. What has become of it: `\(wording.command) status`"
        )
    }

    private func act(as identity: Identity) async throws -> SlackText {
        if !command.mayBeRepeated {
            guard try await services.journal.begin(slackRequest: written.id, at: clock.now) else {
                return uncertain
            }
        }
        if let token = identity.tokenID { try await services.journal.noteUse(ofToken: token, at: clock.now) }
        let actions = SlackActions(
            services: services, wording: wording, person: request.user, team: request.team, identity: identity)
        do {
            return try await actions.perform(command)
        } catch is CancellationError {
            throw CancellationError()
        } catch let refused as SlackRefused {
            if refused.isAboutRights { await audit(identity.auditName, identity, refused.sentence) }
            return wording.sentence(refused.sentence)
        } catch {
            if error is JournalError { throw error }
            let problem = APIError(error)
            if [.forbidden, .conflict, .locked].contains(problem.status) {
                await audit(identity.auditName, identity, problem.message)
            }
            return wording.problem(error) + (await serving(after: problem)) + (try await wayOut())
        }
    }

    /// What serves now, for whoever comes too late.
    private func serving(after problem: APIError) async -> SlackText {
        guard problem.status == .conflict, let app = command.app, let live = await services.appStates.app(app)?.live
        else { return "" }
        return .plain(" Live is ") + .code(live.version) + .plain(" on \(live.color).")
    }

    /// Whoever presses Abort after somebody else has decided may still want it.
    private func wayOut() async throws -> SlackText {
        guard case .abort(let app, let number?, _, isButton: true) = command,
            let release = try await services.appStates.release(app, number), (try? release.checkAbortable()) != nil
        else { return "" }
        return wording.sentence(" To give it up all the same: `\(wording.command) abort \(release.order.name)`")
    }

    // MARK: - Refusals

    private func refuseUnknown() async throws -> SlackText {
        await audit(request.user.alias, nil, "\(request.user.name.safeLine.cut(100)) in Slack is not known here")
        let hint = "An administrator can also add you to slack.users, with your id \(request.user.id)."
        guard let server = services.settings.url else {
            return .plain("You are not known here yet: nothing was done. \(hint)")
        }
        let code = try await SlackConnections(journal: services.journal, clock: clock).link(
            request.user, team: request.team)
        return .plain("You are not known here yet: nothing was done. ")
            + .link("\(server)/slack/connect?code=\(code)", "Connect your Slack account")
            + .plain(
                " with the rights of your access token; the link is for you only, and good once, for 30 minutes. \(hint)"
            )
    }

    /// As on the API: not what only reads, and not more than the log can take.
    private func audit(_ who: String, _ identity: Identity?, _ why: String) async {
        guard let action = command.action else { return }
        var detail = why.safeLine.cut(500)
        if let excess = services.authenticator.refusals.count(identity?.id ?? "\(request.team) \(who)") {
            guard excess.isFirst else { return }
            detail += " (further refusals of this person within a minute are not listed)"
        }
        let entry = AuditEntry(
            at: clock.now, who: who, token: identity?.tokenID, action: action,
            app: command.app.flatMap { services.knows($0) ? $0 : nil }, release: command.number, origin: "Slack",
            outcome: .refused, detail: detail)
        do { try await services.journal.note(entry) } catch {
            services.logger.error("the audit log cannot be written", metadata: ["error": "\(error)"])
        }
    }
}
