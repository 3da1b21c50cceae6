import ReleaseMachine
import ViridianConfiguration

/// A release that is not to pause was requested of an app whose releases need approvals.
package struct ApprovalsNeeded: Error, Sendable, Hashable, CustomStringConvertible {
    package var app: String
    package var verify: AppConfiguration.Verify

    package init(app: String, verify: AppConfiguration.Verify) {
        self.app = app
        self.verify = verify
    }

    /// `nil` where anybody can promote the app's releases.
    package init?(_ view: AppView) {
        guard let approvals = view.approvalsNeeded else { return nil }
        self.init(app: view.app, verify: .init(approvals: approvals, by: view.approvers == .others ? .others : .anyone))
    }

    /// `releases of blog need approvals: 2 people other than their requester have to promote them`
    package var rule: String {
        let others = verify.by == .others ? " other than their requester" : ""
        let people = verify.approvals == 1 ? "a person\(others) has" : "\(verify.approvals) people\(others) have"
        return "releases of \(app) need approvals: \(people) to promote them"
    }

    package var description: String {
        "\(rule). Deploy without --no-verify, so that it pauses for them; an administrator can release without them with --override "
            + "and a --reason"
    }
}
