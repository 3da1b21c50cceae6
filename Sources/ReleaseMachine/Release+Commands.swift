/// Why a command does not apply to a release in its present state.
package struct Inapplicable: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
}

extension Release {
    /// Throws unless `promote` has an effect now. A pause that ends in an abort is over at its deadline, also when no process has run
    /// the release since.
    package func checkPromotable(at now: Timestamp) throws(Inapplicable) {
        if state.hasEnded { throw Inapplicable(description: "\(order.name) has ended: it is \(state)") }
        if isBackingOut { throw Inapplicable(description: "\(order.name) is going back: there is nothing to promote") }
        guard state == .paused else {
            throw Inapplicable(
                description: "\(order.name) is \(phase)"
                    + (order.verify && phase < .verifying
                        ? ": it pauses for verification when it is staged" : ", not paused")
            )
        }
        if isOverdue(at: now), order.rules.afterVerifyTimeout == .abort {
            throw Inapplicable(
                description:
                    "\(order.name) can no longer be promoted: its verification deadline has passed, and it aborts. "
                    + "`viridian abort \(order.app)` ends it now; then deploy \(order.version) again"
            )
        }
    }

    /// The pause's deadline has passed. A process that runs the release ends the pause at that moment.
    package func isOverdue(at now: Timestamp) -> Bool { verifyDeadline.map { now >= $0 } ?? false }

    /// Whether a newer version may be released instead: no node has been switched, nobody has promoted it, and it does not bring an earlier
    /// version back.
    package var canBeSuperseded: Bool {
        if case .rollback = order.kind { return false }
        return !state.hasEnded && !isBackingOut && !isApproved && !hasMovedTraffic
    }

    /// Throws unless `abort` has an effect now.
    package func checkAbortable() throws(Inapplicable) {
        if state.hasEnded { throw Inapplicable(description: "\(order.name) has ended: it is \(state)") }
        if isBackingOut { throw Inapplicable(description: "\(order.name) is already going back") }
        if isPastReturn {
            throw Inapplicable(
                description: "\(order.name) is live and the old colour is being deleted: use rollback"
            )
        }
    }
}
