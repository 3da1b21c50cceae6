import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOConcurrencyHelpers

/// The router, which also knows what it was told: so that a wrong method is told apart from a wrong path, and the description of
/// the API can be held against it.
package final class Routes: RouterMethods {
    package typealias Context = ServerContext

    package struct Entry: Sendable, Hashable {
        package var method: HTTPRequest.Method
        /// `/api/v1/apps/{app}`
        package var path: String
    }

    private let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
    private let known = NIOLockedValueBox<[Entry]>([])

    package init() {}

    package var entries: [Entry] { known.withLockedValue { $0 } }

    @discardableResult
    package func on<Responder: HTTPResponder>(
        _ path: RouterPath,
        method: HTTPRequest.Method,
        responder: Responder
    ) -> Self where Responder.Context == ServerContext {
        router.on(path, method: method, responder: responder)
        known.withLockedValue { $0.append(Entry(method: method, path: Routes.written(path.description))) }
        return self
    }

    @discardableResult
    package func add(middleware: any MiddlewareProtocol<Request, Response, ServerContext>) -> Self {
        router.add(middleware: middleware)
        return self
    }

    func responder() -> RouterResponder<ServerContext> { router.buildResponder() }

    /// What was registered until now.
    var table: RouteTable { RouteTable(entries: entries) }

    /// `:app` and `{app}` are the same to the router.
    private static func written(_ path: String) -> String {
        let parts = path.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }
        return "/" + parts.joined(separator: "/")
    }
}

/// Which paths there are, and which methods they take.
struct RouteTable: Sendable {
    var entries: [Routes.Entry]

    /// The methods that a path takes; empty for a path that is none.
    func methods(of path: String) -> [HTTPRequest.Method] {
        let parts = path.split(separator: "/")
        return entries.filter { RouteTable.matches($0.path.split(separator: "/"), parts) }.map(\.method)
    }

    /// What the audit log calls a request that changes something: the name of its route, whatever stands in the path. `nil` where there
    /// is no route.
    func action(_ method: HTTPRequest.Method, _ path: String) -> String? {
        let parts = path.split(separator: "/")
        guard
            let route = entries.first(where: {
                $0.method == method && RouteTable.matches($0.path.split(separator: "/"), parts)
            })
        else { return nil }
        let name = route.path.split(separator: "/").last { !$0.hasPrefix("{") }
        return switch (name, method) {
        case ("releases", _): "deploy"
        case ("tokens", .post): "token.create"
        case ("tokens", .delete), ("revoke", _): "token.revoke"
        case ("signin", _): "sign-in"
        case ("signout", _): "sign-out"
        default: name.map { String($0) }
        }
    }

    private static func matches(_ pattern: [Substring], _ path: [Substring]) -> Bool {
        guard pattern.count == path.count else { return false }
        return zip(pattern, path).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
