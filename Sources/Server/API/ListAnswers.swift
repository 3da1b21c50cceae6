import Controller

// Answers that hold more than one of something. The command line reads the same types that the server writes.

package struct AppList: Codable, Sendable {
    package var apps: [AppView]
}

/// Newest first. `next` is the value of `before` for the next page; `nil` on the last one.
package struct ReleaseList: Codable, Sendable {
    package var releases: [ReleaseView]
    package var next: Int?
}

/// In order. `next` is the value of `after` for the next page; `nil` when this one ends with the newest event.
package struct EventList<Event: Sendable>: Sendable {
    package var events: [Event]
    package var next: Int?
}

extension EventList: Encodable where Event: Encodable {}
extension EventList: Decodable where Event: Decodable {}

package struct NodeList: Codable, Sendable {
    /// An app whose cluster or nodes could not be read: its rows are what was read last, or what its nodes said without the cluster.
    package struct Unread: Codable, Sendable, Hashable {
        package var app: String
        package var cluster: String?
        package var problem: String

        package init(app: String, cluster: String?, problem: String) {
            self.app = app
            self.cluster = cluster
            self.problem = problem
        }
    }

    package var nodes: [NodeRoute]
    /// Left out where every app was read.
    package var unread: [Unread]?

    package init(nodes: [NodeRoute], unread: [Unread] = []) {
        self.nodes = nodes
        self.unread = unread.isEmpty ? nil : unread
    }
}

/// Newest first. `next` is the value of `before` for the next page; `nil` on the last one.
package struct AuditList: Codable, Sendable {
    package var entries: [AuditView]
    package var next: Int?
}

package struct TokenList: Codable, Sendable {
    package var tokens: [TokenView]
}

/// What `/readyz` answers: `ok`, or what is wrong.
struct Readiness: Codable, Sendable {
    var ready: Bool
    var journal: String
    var cluster: String
    /// By name; `nil` where no cluster has one.
    var clusters: [String: String]?
    /// `nil`: it takes requests.
    var server: String?
}

/// The longest running first.
package struct ServerList: Codable, Sendable {
    package var servers: [ServerView]
}
