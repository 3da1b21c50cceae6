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
    /// Older requests are not acted on: the person has seen by now that nothing happened, and may have changed their mind.
    static let mostAge = Duration.seconds(300)
    /// Pauses between attempts to tell an answer.
    private static let pauses: [Duration] = [.seconds(1), .seconds(5), .seconds(20), .seconds(60)]

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
    /// - Returns: what the person is to be told; `nil` when it will be acted on again.
    func run(_ verdict: SlackIdentities.Verdict?) async -> SlackText? {
        do {
            let answer = try await answer(verdict)
            // Of a link's code only the hash is stored.
            let told = answer.markup.replacing(/code=[\w-]+/, with: "code=…").cut(4000)
            try services.journal.finish(slackRequest: written.id, answer: told, at: clock.now)
            return answer
        } catch is CancellationError {
            return nil  // It stays in the journal.
        } catch {
            services.logger.error("a request from Slack cannot be acted on", metadata: ["error": "\(error)"])
            return "The server could not write down what you asked for. Try again."
        }
    }

    private func answer(_ verdict: SlackIdentities.Verdict?) async throws -> SlackText {
        if case .help(let problem) = command { return wording.help(problem) }
        guard clock.now - written.at <= Self.mostAge else {
            return wording.sentence(
                "The server was not there when you asked (\(written.at.minuteTime)), and that is more than "
                    + "\(Self.mostAge.components.seconds / 60) minutes ago: nothing was done. If it is still what you want, ask again."
            )
        }
        let known: SlackIdentities.Verdict
        if let verdict { known = verdict } else { known = try await requests.identities.identify(request) }
        switch known {
        case .known(let identity): return try await act(as: identity)
        case .unknown: return try refuseUnknown()
        case .otherWorkspace:
            audit(request.user.alias, nil, "belongs to another workspace")
            return "You belong to another Slack workspace than this app: nothing was done."
        case .unavailable(let why):
            return wording.sentence(
                "Slack did not say who you are, so nothing was done (\(why.safeLine.cut(300))). Try again, or use the pages or the command line."
            )
        }
    }

    private func act(as identity: Identity) async throws -> SlackText {
        if !command.mayBeRepeated {
            guard try services.journal.begin(slackRequest: written.id, at: clock.now) else {
                return wording.sentence(
                    "The server stopped while it did what you asked for. What has become of it: `\(wording.command) status`"
                )
            }
        }
        if let token = identity.tokenID { try services.journal.noteUse(ofToken: token, at: clock.now) }
        let actions = SlackActions(
            services: services, wording: wording, person: request.user, team: request.team, identity: identity)
        do {
            return try await actions.perform(command)
        } catch is CancellationError {
            throw CancellationError()
        } catch let refused as SlackRefused {
            if refused.isAboutRights { audit(identity.auditName, identity, refused.sentence) }
            return wording.sentence(refused.sentence)
        } catch {
            let problem = APIError(error)
            if [.forbidden, .conflict, .locked].contains(problem.status) {
                audit(identity.auditName, identity, problem.message)
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

    private func refuseUnknown() throws -> SlackText {
        audit(request.user.alias, nil, "\(request.user.name.safeLine.cut(100)) in Slack is not known here")
        let hint = "An administrator can also add you to slack.users, with your id \(request.user.id)."
        guard let server = services.settings.url else {
            return .plain("You are not known here yet: nothing was done. \(hint)")
        }
        let code = try SlackConnections(journal: services.journal, clock: clock).link(request.user, team: request.team)
        return .plain("You are not known here yet: nothing was done. ")
            + .link("\(server)/slack/connect?code=\(code)", "Connect your Slack account")
            + .plain(
                " with the rights of your access token; the link is for you only, and good once, for 30 minutes. \(hint)"
            )
    }

    /// As on the API: not what only reads, and not more than the log can take.
    private func audit(_ who: String, _ identity: Identity?, _ why: String) {
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
        do { try services.journal.note(entry) } catch {
            services.logger.error("the audit log cannot be written", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Answering

    /// Tells the person what became of their request. Nothing depends on it.
    func tell(_ answer: SlackText) async {
        guard let url = request.responseURL else { return }
        var pauses = Self.pauses[...]
        while !Task.isCancelled {
            do {
                return try await requests.access.client.respond(
                    SlackContent(answer), to: url, isReplacingOriginal: false)
            } catch {
                guard let least = Self.pause(after: error), let pause = pauses.popFirst() else {
                    services.logger.warning(
                        "a person in Slack was not answered",
                        metadata: ["user": "\(request.user.id)", "error": "\("\(error)".safeLine)"])
                    return
                }
                try? await clock.sleep(for: max(pause, least))
            }
        }
    }

    /// `nil`: another attempt would not help.
    private static func pause(after error: any Error) -> Duration? {
        switch (error as? DeliveryFailure)?.kind {
        case .unavailable(let after): after ?? .zero
        case .limited(let after): after
        case .refused, nil: nil
        }
    }
}
