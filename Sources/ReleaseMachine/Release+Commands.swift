/// Why a person's word does not apply to a release as it stands.
package struct Inapplicable: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
}

extension Release {
    /// Whether `promote` would do something now. A pause whose time is over and that ends in an abort is over, also where nothing has
    /// run the release since.
    package func checkPromotable(at now: Timestamp) throws(Inapplicable) {
        if state.hasEnded { throw Inapplicable(description: "\(order.name) has ended: it is \(state)") }
        if isBackingOut { throw Inapplicable(description: "\(order.name) is going back: there is nothing to promote") }
        guard state == .paused else {
            throw Inapplicable(
                description: "\(order.name) is \(phase)"
                    + (order.verify && phase < .verifying
                        ? ": it will pause for a word when it is staged" : ", not paused")
            )
        }
        if isOverdue(at: now), order.rules.afterVerifyTimeout == .abort {
            throw Inapplicable(
                description:
                    "\(order.name) can no longer be promoted: its time for verification is over, and then it aborts. "
                    + "`viridian abort \(order.app)` ends it now; then deploy \(order.version) again"
            )
        }
    }

    /// The pause has lasted as long as it may. Whoever runs the release ends it in that moment.
    package func isOverdue(at now: Timestamp) -> Bool { verifyDeadline.map { now >= $0 } ?? false }

    /// Whether `abort` would do something now.
    package func checkAbortable() throws(Inapplicable) {
        if state.hasEnded { throw Inapplicable(description: "\(order.name) has ended: it is \(state)") }
        if isBackingOut { throw Inapplicable(description: "\(order.name) is already going back") }
        if isPastReturn {
            throw Inapplicable(
                description: "\(order.name) is live and its predecessor is being removed: use rollback to go back"
            )
        }
    }
}
