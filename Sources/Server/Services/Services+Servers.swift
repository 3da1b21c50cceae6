import Controller

extension Services {
    /// Tells the other servers that this one is there, and takes up what those have claimed that are gone, until cancelled.
    func serverWork() async {
        await presence.run {
            await deliveries.noteOtherServers()
            slackRequests?.noteOtherServers()
            await outbox.noteOtherServers()
        }
    }

    /// Looks every second for what another server has left: its claims end between two renewals of this one.
    func watchOtherServers() async {
        while !Task.isCancelled {
            try? await clock.sleep(for: .seconds(1))
            await deliveries.noteOtherServers()
            slackRequests?.noteOtherServers()
        }
    }
}
