import Foundation
import Hummingbird
import HummingbirdCore
import Journal

/// Which notifications the page shows: what its address says.
struct NotificationFilter: Sendable, Hashable {
    var app: String?
    /// The number of a release of the app.
    var release: Int?
    var state: OutboxNotification.State?
    var destination: String?
    var before: Int?

    init() {}

    init(_ request: Request) {
        let query = request.uri.queryParameters
        self.init { query[Substring($0)].map(String.init)?.removingPercentEncoding }
    }

    /// Of a form's fields.
    init(_ form: [String: String]) { self.init { form[$0] } }

    private init(_ value: (String) -> String?) {
        func text(_ name: String) -> String? { value(name).flatMap { $0.isEmpty ? nil : $0 } }
        app = text("app")
        release = app == nil ? nil : text("release").flatMap { Int($0) }
        state = text("state").flatMap { OutboxNotification.State(rawValue: $0) }
        destination = text("to")
        before = text("before").flatMap { Int($0) }
    }

    var isEmpty: Bool { fields.isEmpty }

    /// The fields that a form has to carry so that it comes back here.
    var fields: [(name: String, value: String)] {
        let all = [
            ("app", app), ("release", release.map { "\($0)" }), ("state", state?.rawValue), ("to", destination),
            ("before", before.map { "\($0)" }),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }

    /// The address of the page with this filter.
    var address: String {
        let query = fields.map { "\($0.name)=\(ReleaseLog.View.escaped($0.value))" }.joined(separator: "&")
        return "/notifications" + (query.isEmpty ? "" : "?\(query)")
    }

    /// With `apps`, only messages about these apps.
    func query(apps: [String]?) -> NotificationQuery {
        NotificationQuery(
            apps: app.map { [$0] } ?? apps, number: release, state: state, destination: destination, before: before)
    }
}
