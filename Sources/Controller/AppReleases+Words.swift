import ReleaseMachine

/// People's words, written down without waiting for what comes of them: for whoever runs releases beside answering people.
extension AppReleases {
    /// Says that the traffic may move to release `number`, or to the newest one.
    package func approve(_ number: Int? = nil, by: String) throws -> Release {
        try write(number) { release throws(Inapplicable) in
            try release.checkPromotable(at: engine.clock.now)
            return .promoted(by: by)
        }
    }

    /// Gives release `number`, or the newest one, up.
    package func giveUp(_ number: Int? = nil, by: String, reason: String?) throws -> Release {
        try write(number) { release throws(Inapplicable) in
            try release.checkAbortable()
            return .abortRequested(by: by, reason: reason)
        }
    }

    private func write(_ number: Int?, _ word: (Release) throws(Inapplicable) -> Event) throws -> Release {
        while true {
            var release = try number.map { try self.release($0) } ?? existing()
            let recorded = RecordedEvent(
                sequence: release.sequence + 1,
                at: engine.clock.now,
                event: try word(release)
            )
            do {
                try engine.journal.append(recorded, app: name, number: release.order.number)
            } catch is JournalConflict {
                continue  // Something happened in the same moment: whether the word still applies is looked at again.
            }
            release.apply(recorded)
            return release
        }
    }

    /// Goes on with the newest release where it has not ended and nobody runs it, until it has ended.
    /// - Returns: the release; `nil` when there is none to go on with.
    /// - Throws: `LeaseHeld` while another process, or another task of this one, runs it.
    package func resume(by: String, observe: @escaping Engine.Observer) async throws -> Release? {
        guard let open = try latest(), !open.state.hasEnded else { return nil }
        return try await withLease { lease in
            guard let open = try latest(), !open.state.hasEnded else { return nil }
            return try await takeUp(open.order.number, lease, by: by, until: .whenEnded, observe: observe)
        }
    }
}
