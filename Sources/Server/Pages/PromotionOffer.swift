import Controller
import Journal
import ReleaseMachine

/// What a user can do with a release that awaits promotion: promote it, approve it with others, or why neither.
struct PromotionOffer {
    enum Step {
        case promote
        /// More people have to promote it.
        case approve

        var label: String { self == .promote ? "Promote" : "Approve" }
    }

    private(set) var step: Step?
    /// Why the user cannot.
    private(set) var hindrance: String?
    /// As an administrator: without the approvals that are missing.
    private(set) var mayOverride = false
    /// Who has approved it and who still has to: `1 of 2: ann; another person than ann has to promote it`.
    let approvals: String?

    init(_ release: Release, by user: Identity?, now: Timestamp) {
        approvals =
            release.needsApprovals
            ? [release.approvalCount, release.missingApprovals].compactMap(\.self).joined(separator: "; ") : nil
        guard let user, user.mayRelease(release.order.app) else {
            hindrance = "Your role can view this release, not promote it."
            return
        }
        do {
            step = if case .approved = try release.promotion(by: user.name, at: now) { .approve } else { .promote }
        } catch {
            hindrance = "\(error)."
        }
        let isInTime = (try? release.checkPromotable(at: now)) != nil
        mayOverride = user.role == .admin && release.needsApprovals && isInTime && step != .promote
    }

    func fill(_ model: inout PageValues) {
        model["approvals"] = approvals
        model["promote"] = step?.label
        model["hindrance"] = hindrance
        model["override"] = mayOverride
    }
}
