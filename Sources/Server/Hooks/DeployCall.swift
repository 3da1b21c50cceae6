import ReleaseMachine

/// A script's call for a release: the body of `POST /hooks/deploy`. The inbox stores it as JSON: add fields, never rename one.
struct DeployCall: Sendable, Hashable, Codable {
    var app: String
    var version: String
    var image: String?
    var digest: String?
    var commit: String?
    var commitTime: Timestamp?
    var ref: String?
    /// The page of the build.
    var url: String?
    var reason: String?
    var by: String
}
