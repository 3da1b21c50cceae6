import HummingbirdCore

/// The part of the server that a path belongs to. It decides about authentication and the format of errors.
enum Surface {
    /// Health checks, without authentication.
    case health
    /// Metrics and the API's description, without authentication once a token exists.
    case metrics
    case api
    /// Requests that carry their own signature.
    case hooks
    case pages

    init(_ request: Request) {
        let path = request.uri.path
        self =
            switch path {
            case "/healthz", "/readyz": .health
            case "/metrics", "/openapi.json": .metrics
            default:
                // A script's call carries a token, not a signature.
                if path == "/api" || path.hasPrefix("/api/") || path == "/hooks/deploy" {
                    .api
                } else if path.hasPrefix("/hooks/") || path.hasPrefix("/slack/") && path != "/slack/connect" {
                    .hooks
                } else {
                    .pages
                }
            }
    }
}
