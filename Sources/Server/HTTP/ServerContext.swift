import Controller
import Hummingbird
import HummingbirdCore
import Journal
import Logging
import NIOCore

/// What comes with a request: its connection, and what the door found out about it.
package struct ServerContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel
    /// Where it comes from: the peer's address, or what a proxy on this machine says it was.
    package var remoteAddress = "unknown"
    /// Who asks; `nil` only where nobody has to be known.
    package var identity: Identity?
    /// The visit to the pages that the request belongs to; `nil` for one that brought a token.
    package var session: Session?
    /// The fields of a form that was sent.
    package var form: [String: String] = [:]
    /// The body, where it was not a form.
    package var body = ByteBuffer()

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

extension ServerContext {
    /// The path's `name`.
    package func parameter(_ name: String) throws(APIError) -> String {
        guard let value = parameters.get(name) else { throw .notFound("there is no such page") }
        return value
    }

    /// A number in the path; what is none is a page that is not there.
    package func number(_ name: String) throws(APIError) -> Int {
        guard let value = parameters.get(name), let number = Int(value), number > 0, String(number) == value else {
            throw .notFound("there is no such release: a release is a number such as 42")
        }
        return number
    }

    /// Who asks, if they may do what the role may.
    @discardableResult
    package func require(_ role: Role, for app: String? = nil) throws(APIError) -> Identity {
        guard let identity else { throw .unauthorized }
        if let app, !identity.sees(app) {
            throw .forbidden(
                "this token is for \(identity.apps?.joined(separator: ", ") ?? "no app"), not for \(app.safe)")
        }
        guard identity.role >= role else {
            throw .forbidden(
                "this needs a token with role \(role.rawValue); \(identity.name) is \(identity.role.rawValue)")
        }
        return identity
    }
}
