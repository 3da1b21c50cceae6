import Controller
import ReleaseMachine
import ViridianConfiguration

extension Services {
    /// So many releases at most: their summaries take some 20 MB.
    private static let mostRemembered = 20_000

    /// Reads the releases of the last year once, so that the first statistics after a start do not wait for it. Half of the time is for
    /// everything else.
    func readHistory() async {
        let start = clock.now + .seconds(-365 * 86_400)
        var count = 0
        for app in apps.configurations.map(\.name.text) {
            guard !Task.isCancelled, count < Self.mostRemembered else { return }
            // Of the newest one everything is known.
            guard await appStates.latest(app)?.order.number ?? 0 > 1 else { continue }
            let began = ContinuousClock.now
            // A journal that cannot be read is noticed by whoever needs it.
            count += (try? await appStates.summaries(app, limit: Self.longestHistory, since: start).count) ?? 0
            try? await Task.sleep(for: began.duration(to: .now))
        }
    }
}
