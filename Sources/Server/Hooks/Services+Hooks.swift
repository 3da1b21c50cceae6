import Integrations
import Journal
import Logging
import ReleaseMachine

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
            group.addTask {
                // Whatever is written to the journal may let a version start: the end of a release, an unlock on the command line.
                let (id, changes) = await appStates.watchJournal()
                for await _ in changes {
                    for queued in (try? journal.queue()) ?? [] { queue.wake(queued.version.app) }
                    await deliveries.noteProgress()
                }
                await appStates.unwatchJournal(id)
            }
        }
        await registries.shutdown()
    }

    /// A line in the log, not one for each request of somebody who guesses.
    func noteRefusedHook(_ sender: HookSender, _ why: String, from address: String) {
        let excess = authenticator.failures.count(address)
        guard excess?.isFirst ?? true else { return }
        logger.warning(
            "a delivery was refused", metadata: ["sender": "\(sender.rawValue)", "from": "\(address)", "why": "\(why)"])
    }
}
