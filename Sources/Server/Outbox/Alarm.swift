import Controller
import ReleaseMachine

/// Lets one task wait until something happens or a time comes.
actor Alarm {
    private var isRung = false
    private var waiter: AsyncStream<Void>.Continuation?

    /// Wakes the task that waits, or the next one that does.
    func ring() {
        isRung = true
        waiter?.finish()
    }

    /// Returns when the alarm is rung, at `time`, or when the task is cancelled.
    func wait(until time: Timestamp, _ clock: any ReleaseClock) async {
        let length = time - clock.now
        guard length > .zero else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await clock.sleep(for: length) }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait() async {
        if !isRung {
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            waiter = continuation
            for await _ in stream {}
            waiter = nil
        }
        if !Task.isCancelled { isRung = false }
    }
}
