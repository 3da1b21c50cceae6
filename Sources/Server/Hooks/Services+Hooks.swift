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
            group.addTask { await queue.run() }
            group.addTask {
                await withDiscardingTaskGroup { group in
                    await poller.runOnce(within: .seconds(5))
                    group.addTask { await deliveries.run() }
                    group.addTask { await poller.run() }
                }
            }
            group.addTask { for await delivery in queue.progress { await deliveries.noteProgress(of: delivery) } }
            group.addTask {
                while !Task.isCancelled {
                    forgetOld()
                    try? await clock.sleep(for: .seconds(86_400))
                }
            }
            group.addTask {
                // Whatever is written to the journal may let a version start: the end of a release, an unlock on the command line.
                let (id, changes) = await appStates.watchJournal()
                for await _ in changes {
                    for queued in (try? journal.queue()) ?? [] { queue.wake(queued.version.app) }
                }
                await appStates.unwatchJournal(id)
            }
        }
        await registries.shutdown()
    }

    /// The digest to which a version's tag points now; `nil` where the registry does not say so quickly. What it says is noted.
    func digest(of version: Version, _ app: AppConfiguration) async -> String? {
        guard poller.polled.contains(where: { $0.name == app.name }) else { return nil }
        let found = await withTaskGroup { group -> RegistryImage? in
            group.addTask { try? await poller.lookup.image(app, version.text) }
            group.addTask {
                try? await clock.sleep(for: .seconds(2))
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        guard let found, found.isImage else { return nil }
        var pushed = PushedVersion(app: app.name.text, version: version.text, pushedAt: clock.now, sender: "poll")
        pushed.add(found)
        do {
            let known = try journal.version(app: app.name.text, tag: version.text)
            if known?.digest != pushed.digest { try journal.note(pushed) }
        } catch {
            logger.error("a version cannot be noted", metadata: ["app": "\(app.name)", "error": "\(error)"])
        }
        return pushed.digest
    }

    private func forgetOld() {
        let (now, before) = (clock.now, clock.now + (.zero - hookSettings.keepFor))
        do {
            try journal.forgetDeliveries(
                before: before, unconcerningBefore: now + (.zero - hookSettings.keepUnconcerningFor))
            try journal.forgetRequests(before: before)
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
