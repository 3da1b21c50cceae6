import Controller
import Integrations
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

extension Services {
    var concernedApps: ConcernedApps { ConcernedApps(apps: apps.configurations) }

    /// Everything between a delivery and the beginning of its release, until cancelled.
    func hookWork() async {
        await withDiscardingTaskGroup { group in
            await forgetUnconfigured()
            group.addTask { await queue.run() }
            group.addTask { await poller.run() }
            group.addTask { await watchOtherServers() }
            group.addTask {
                // The apps whose lists take longer are waited for one by one.
                await poller.waitForFirstLists(within: .seconds(5))
                await deliveries.run()
            }
            group.addTask { for await delivery in queue.progress { await deliveries.noteProgress(of: delivery) } }
            group.addTask {
                while !Task.isCancelled {
                    await forgetOld()
                    try? await clock.sleep(for: .seconds(86_400))
                }
            }
            group.addTask {
                // Whatever is written to the journal may let a version start: the end of a release, an unlock on the command line.
                let (id, changes) = await appStates.watchJournal()
                for await _ in changes {
                    for queued in await (try? journal.queue()) ?? [] { queue.wake(queued.version.app) }
                }
                await appStates.unwatchJournal(id)
            }
        }
        await registries.shutdown()
    }

    /// What waits for apps that are not in the configuration any more would wait for ever.
    private func forgetUnconfigured() async {
        do {
            for queued in try await journal.queue() where !knows(queued.version.app) {
                let (app, version) = (queued.version.app, queued.version.version)
                let sentence = "\(app) is not in the configuration of this server any more"
                try await journal.dequeue(
                    queued, result: DeliveryResult(app: app, version: version, state: .ignored, sentence: sentence))
                logger.warning(
                    "not released", metadata: ["app": "\(app)", "version": "\(version)", "why": "\(sentence)"])
            }
        } catch {
            logger.error("the queue cannot be read", metadata: ["error": "\(error)"])
        }
    }

    private func forgetOld() async {
        let (now, before) = (clock.now, clock.now + (.zero - hookSettings.keepFor))
        do {
            try await journal.forgetDeliveries(
                before: before, unconcerningBefore: now + (.zero - hookSettings.keepUnconcerningFor))
            try await journal.forgetRequests(before: before)
        } catch {
            logger.error("old deliveries cannot be deleted", metadata: ["error": "\(error)"])
        }
    }

    /// A line in the log, not one for each request of somebody who guesses.
    func noteRefusedHook(_ sender: HookSender, _ why: String, from address: String) {
        let excess = authenticator.failures.count(address)
        guard excess?.isFirst ?? true else { return }
        logger.warning(
            "a delivery was refused", metadata: ["sender": "\(sender.rawValue)", "from": "\(address)", "why": "\(why)"])
    }
}
