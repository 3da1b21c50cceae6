/// Why a command does not apply to a release in its present state.
package struct Inapplicable: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
}

extension Release {
    /// Throws unless `promote` has an effect now. A pause that ends in an abort is over at its deadline, also when no process has run
    /// the release since.
    package func checkPromotable(at now: Timestamp) throws(Inapplicable) {
        guard state == .paused else {
            if let decision { throw Inapplicable(description: decision) }
            throw Inapplicable(
                description: "\(order.name) is \(phase)"
                    + (order.verify && phase < .verifying
                        ? ": it pauses for verification when it is staged" : ", not paused")
            )
        }
        if isOverdue(at: now), !order.rules.promotesByItself {
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
        if order.isRollback { return false }
        return !state.hasEnded && !isBackingOut && !isApproved && !hasMovedTraffic
    }

    /// Throws unless `abort` has an effect now.
    package func checkAbortable() throws(Inapplicable) {
        if state.hasEnded || isBackingOut, let decision { throw Inapplicable(description: decision) }
        if isPastReturn {
            throw Inapplicable(
                description: "\(order.name) is live and the old colour is being deleted: use rollback"
            )
        }
    }
}

extension Release {
    /// Throws unless it awaits promotion: later, somebody has decided already.
    package func checkUndecided() throws(Inapplicable) {
        guard state != .paused else { return }
        throw Inapplicable(description: decision ?? "\(order.name) is \(phase), not paused")
    }

    /// When it was promoted after its pause, by a person or by the end of the pause.
    package var promotedAt: Timestamp? {
        isApproved ? spans.first { $0.phase == .switching }?.startedAt : nil
    }

    /// What has been decided about it, by whom and when, and what became of it, for whoever comes after that: `blog/42 was promoted by
    /// ann already (2026-11-30 08:00 UTC), and is live`. `nil` while nothing has been decided.
    private var decision: String? {
        let promotion = promotedAt.map { at in
            promotedBy.map { "was promoted by \($0) already (\(at.minuteTime))" }
                ?? "was promoted at the end of its verification (\(at.minuteTime))"
        }
        let parts = [promotion, progress].compactMap(\.self)
        return parts.isEmpty ? nil : "\(order.name) " + parts.joined(separator: ", and ")
    }

    private var progress: String? {
        if let cause, let backingOutSince {
            let end = state.hasEnded ? "" : ", and is going back"
            let when = "(\(backingOutSince.minuteTime))"
            return switch cause {
            case .aborted(let by, let reason): "was aborted by \(by) \(when)\(reason.map { ": \($0)" } ?? "")\(end)"
            case .superseded(let version): "was superseded by \(version) \(when)\(end)"
            case .verificationExpired:
                "was aborted \(when): its verification deadline passed\(approvalCount.map { " with \($0)" } ?? "")\(end)"
            case .failure(let failure): "failed in phase \(failure.phase) \(when): \(failure.message)\(end)"
            }
        }
        switch state {
        case .live: return "is live"
        case .superseded, .rolledBack:
            let later = replacedBy.map { "\(order.app)/\($0)" } ?? "a later release"
            return "was live until \(later) \(state == .rolledBack ? "rolled it back" : "superseded it")"
        default: return isApproved ? "is \(phase)" : nil
        }
    }
}
