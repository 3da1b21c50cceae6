import Controller
import Journal
import ReleaseMachine

@testable import Server

extension HomePage {
    /// The page of a user who sees these apps.
    init(entries: [Entry], query: String?, from start: Int = 0, only: Set<String>?, now: Timestamp) {
        let items = entries.map { entry in
            AppIndex.Item(
                name: entry.app.app, cluster: entry.app.cluster, state: entry.latest?.state,
                isTroubled: !entry.app.drifted.isEmpty || entry.app.problem != nil
                    || entry.latest?.needRepair.isEmpty == false)
        }
        self.init(
            index: AppIndex(items, query: query, from: start), only: only, user: PagesStory.user(.deployer), now: now)
        for entry in entries { self.entries[entry.app.app] = entry }
    }
}
