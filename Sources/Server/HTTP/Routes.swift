import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOConcurrencyHelpers

/// The router, with a table of its routes: a wrong method is told apart from a wrong path, and a test compares the API's description
/// with the table.
package final class Routes: RouterMethods {
    package typealias Context = ServerContext

    package struct Entry: Sendable, Hashable {
        package var method: HTTPRequest.Method
        /// `/api/v1/apps/{app}`
        package var path: String
    }

    private let router = Router(context: ServerContext.self)
    /// The registered routes.
    let table = RouteTable()

    package init() {}

    package var entries: [Entry] { table.entries }

    @discardableResult
    package func on<Responder: HTTPResponder>(
        _ path: RouterPath,
        method: HTTPRequest.Method,
        responder: Responder
    ) -> Self where Responder.Context == ServerContext {
        router.on(path, method: method, responder: responder)
        // Not the router's own HEAD routes: those drop the body outside all middlewares, and what `UnreadBodyMiddleware` adds to it.
        if method == .get { router.on(path, method: .head, responder: responder) }
        table.append(Entry(method: method, path: Routes.written(path.description)))
        return self
    }

    @discardableResult
    package func add(middleware: any MiddlewareProtocol<Request, Response, ServerContext>) -> Self {
        router.add(middleware: middleware)
        return self
    }

    func responder() -> RouterResponder<ServerContext> { router.buildResponder() }

    /// `:app` and `{app}` are the same to the router.
    private static func written(_ path: String) -> String {
        let parts = path.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }
        return "/" + parts.joined(separator: "/")
    }
}

/// The registered routes: paths and their methods.
final class RouteTable: Sendable {
    private let registered = NIOLockedValueBox<[Routes.Entry]>([])

    var entries: [Routes.Entry] { registered.withLockedValue { $0 } }

    func append(_ entry: Routes.Entry) { registered.withLockedValue { $0.append(entry) } }

    /// The methods of a path; empty for an unknown path.
    func methods(of path: String) -> [HTTPRequest.Method] {
        let parts = path.split(separator: "/")
        return entries.filter { RouteTable.matches($0.path.split(separator: "/"), parts) }.map(\.method)
    }

    /// The audit log's name for a request that changes something, from the route's pattern. `nil` where there is no route.
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
        case ("locks", .post), ("lock", _): "lock"
        case ("locks", .delete), ("unlock", _): "unlock"
        case ("queue", .delete), ("drop", _): "queue.drop"
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
