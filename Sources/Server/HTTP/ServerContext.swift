import Controller
import Hummingbird
import HummingbirdCore
import Journal
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// A request's connection, and what the middlewares found out about the request.
package struct ServerContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel
    /// The peer's address, or the one that a proxy on this machine reports; see `RemoteAddressMiddleware`.
    package var remoteAddress = "unknown"
    /// One a request, however often the context is copied: the outer middlewares log what the inner ones found.
    private let findings = NIOLockedValueBox(Findings())
    /// The fields of a form, on the pages.
    package var form: [String: String] = [:]
    /// The whole body; empty for GET and HEAD.
    package var body = ByteBuffer()

    private struct Findings: Sendable {
        var identity: Identity?
        var session: Session?
        var route: String?
    }

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

extension ServerContext {
    /// Who makes the request; `nil` where no authentication is needed, and before `AuthenticationMiddleware`.
    package var identity: Identity? { findings.withLockedValue { $0.identity } }
    /// The session of the pages that the request belongs to; `nil` for a request with an access token.
    package var session: Session? { findings.withLockedValue { $0.session } }
    /// The pattern of the route that handles the request, `/api/v1/apps/{app}`; `nil` for a request that was refused before, or has none.
    var route: String? { findings.withLockedValue { $0.route } }

    func authenticate(as identity: Identity, in session: Session? = nil) {
        findings.withLockedValue { ($0.identity, $0.session) = (identity, session) }
    }

    func record(route: String) { findings.withLockedValue { $0.route = route } }

    /// The path's parameter `name`.
    package func parameter(_ name: String) throws(APIError) -> String {
        guard let value = parameters.get(name) else { throw .notFound("there is no such page") }
        return value
    }

    /// A release's number in the path. Throws 404 for anything else, leading zeros included.
    package func number(_ name: String) throws(APIError) -> Int {
        guard let value = parameters.get(name), let number = Int(value), number > 0, String(number) == value else {
            throw .notFound("there is no such release: a release is a number such as 42")
        }
        return number
    }

    var caller: Caller { Caller(identity: identity, origin: remoteAddress) }

    /// The caller, who has at least this role, and rights to `app`. Throws 401 or 403.
    @discardableResult
    package func require(_ role: Role, for app: String? = nil) throws(APIError) -> Identity {
        try caller.require(role, for: app)
    }
}
