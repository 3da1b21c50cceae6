import Controller
import Foundation
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Finds out which versions a delivery means, and hands them to the queue.
struct DeliveryDecider: Sendable {
    let apps: any ServedApps
    let journal: Journal
    let lookup: any VersionLookup
    let queue: ReleaseQueue
    let poller: TagPoller
    let clock: any ReleaseClock

    func attempt(_ delivery: Delivery) async throws -> DeliveryAttempt {
        let data = Data(delivery.events.utf8)
        var attempt = DeliveryAttempt()
        let meaning = DeliveryMeaning(apps: apps, journal: journal, lookup: lookup, poller: poller, now: clock.now)
        if delivery.sender == DeliveryProcessor.script {
            let call = try JSONDecoder().decode(DeployCall.self, from: data)
            if !delivery.results.contains(where: { $0.app == call.app }) {
                try await act(on: call, delivery, meaning, &attempt)
            }
            return attempt
        }
        for event in try JSONDecoder().decode([HookEvent].self, from: data) {
            for app in ConcernedApps(apps: apps.configurations).concerned(by: event).apps
            where !DeliveryAttempt.isDecided(event, for: app, delivery) {
                try await act(on: event, for: app, delivery, meaning, &attempt)
            }
        }
        return attempt
    }

    /// An error is this event's and app's own: what else the delivery means goes on.
    private func act(
        on event: HookEvent, for app: AppConfiguration, _ delivery: Delivery, _ meaning: DeliveryMeaning,
        _ attempt: inout DeliveryAttempt
    ) async throws {
        let name = app.name.text
        func failed(_ sentence: String) -> DeliveryResult {
            DeliveryResult(app: name, version: event.versionName, state: .failed, sentence: sentence)
        }
        guard await !poller.isWaiting(forFirstListOf: name) else {
            let waits = "waits until the tags of \(name) are listed"
            attempt.postponed.append(.init(waits: waits, givenUp: failed("given up: it \(waits)")))
            return
        }
        do {
            switch try await meaning.version(
                event, for: app, sender: delivery.sender, isRepeated: delivery.attempts > 0)
            {
            case .foreign(let why): attempt.foreign.append(why)
            case .unknown(let version, let why):
                attempt.results.append(
                    DeliveryResult(app: name, version: version, state: .ignored, sentence: why))
            case .awaited(let image):
                let missing = failed(image.isMissing(after: DeliveryAttempt.longest))
                attempt.postponed.append(
                    .init(
                        waits: image.waits, least: image.problem?.retryAfter ?? .zero,
                        givenUp: image.isOwn ? missing : nil))
            case .known(let version, let triggers):
                attempt.versions.append(version)
                let result =
                    triggers
                    ? try await submit(version, event, delivery, meaning)
                    : DeliveryResult(
                        app: name, version: version.version, state: .ignored, sentence: app.whyOnlyListed(version))
                attempt.results.append(result)
            }
        } catch let error as RegistryError {
            if error.kind == .cancelled, Task.isCancelled { throw CancellationError() }
            let problem = "\(error)".oneLine
            guard error.isTemporary else { return attempt.results.append(failed(problem)) }
            attempt.postponed.append(
                .init(
                    waits: problem, least: error.retryAfter ?? .zero,
                    givenUp: failed("given up after \(DeliveryAttempt.longest): \(problem)")))
        }
    }

    private func submit(
        _ version: PushedVersion, _ event: HookEvent, _ delivery: Delivery, _ meaning: DeliveryMeaning
    ) async throws -> DeliveryResult {
        try await queue.submit(
            ReleaseQueue.Submission(
                version: version, delivery: delivery.id, requester: .hook,
                requestedBy: event.by.map { "\($0.safe.cut(100)) (\(delivery.sender))" } ?? delivery.sender,
                reason: meaning.reason(event)))
    }

    private func act(
        on call: DeployCall, _ delivery: Delivery, _ meaning: DeliveryMeaning, _ attempt: inout DeliveryAttempt
    ) async throws {
        guard let app = apps.configurations.first(where: { $0.name.text == call.app }) else {
            // It was configured when the call came.
            let sentence = "\(call.app) is not in the configuration of this server any more"
            attempt.results.append(
                DeliveryResult(app: call.app, version: call.version, state: .failed, sentence: sentence))
            return
        }
        var version = PushedVersion(
            app: call.app, version: call.version, digest: call.digest, image: call.image, commit: call.commit,
            commitTime: call.commitTime, ref: call.ref, url: call.url, pushedAt: delivery.at, sender: delivery.sender)
        if let image = try call.image.map({ try ImageReference($0) }) {
            version.digest = version.digest ?? image.digest
        } else {
            await meaning.complete(&version, of: app)
            attempt.versions.append(version)
        }
        attempt.results.append(
            try await queue.submit(
                ReleaseQueue.Submission(
                    version: version, delivery: delivery.id, requester: .script, requestedBy: call.by,
                    reason: call.reason)))
    }
}

extension AppConfiguration {
    /// Nothing starts although the version is one of the app's.
    fileprivate func whyOnlyListed(_ version: PushedVersion) -> String {
        let why = releaseOn == nil ? "without releaseOn nothing starts by itself" : "releaseOn does not name it"
        return "\(version.version) of \(name) is listed; \(why)"
    }
}
