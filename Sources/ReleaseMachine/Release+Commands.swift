/// Why a person's word does not apply to a release as it stands.
package struct Inapplicable: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
}

extension Release {
    /// Whether `promote` would do something now.
    package func checkPromotable() throws(Inapplicable) {
        if state.hasEnded { throw Inapplicable(description: "\(order.name) has ended: it is \(state)") }
        if isBackingOut { throw Inapplicable(description: "\(order.name) is going back: there is nothing to promote") }
        guard state == .paused else {
            throw Inapplicable(
                description: "\(order.name) is \(phase)"
                    + (order.verify && phase < .verifying
                        ? ": it will pause for a word when it is staged" : ", not paused")
            )
        }
    }

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
