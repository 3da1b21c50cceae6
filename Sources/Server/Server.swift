import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import Logging
import NIOCore
import NIOPosix
import ReleaseMachine
import ServiceLifecycle
import ViridianConfiguration

/// The server: the cache that follows the journal, the drift monitor, the runner of releases, and HTTP.
///
/// A request goes through the middlewares of `HTTP/Middleware`, in the order in which `responder()` adds them, then to a route of `API`
/// (JSON under `/api/v1`, described by `/openapi.json`) or of `Pages`.
///
/// ## Writing a page or an API call
///
/// - Register with `routes.get("apps/{app}") { request, context in … }`; `try context.parameter("app")`.
/// - `context.identity` is the user. It is `nil` only under `/signin` and `/assets/…`: `AuthenticationMiddleware` redirects people without
///   a session to `/signin?next=…` (GET), or answers 401.
/// - `context.session?.csrf` goes into every form as the hidden field `csrf`, or into the header `X-CSRF-Token`. `CSRFMiddleware` has
///   checked it, and the request's `Origin`, before a handler runs. The form's other fields are in `context.form`.
/// - `try context.require(.deployer, for: app)` throws 403 unless the user has the role and rights to the app.
/// - `ErrorMiddleware` turns errors into a page through `Pages.errorPage`, or into JSON under `/api`.
/// - Read from `services.appStates` (`apps()`, `app(_:)`, `feed(_:_:)` for a release's events and log, `summaries(_:)` for history and usual
///   times), `services.journal.audit/tokens`, `Statistics`. Change through `services.releaseService(context)`, which also writes the
///   audit log.
/// - Live updates: `EventSource("/api/v1/apps/{app}/releases/{n}/events")` has one message an event (`EventView` as JSON), and one of type
///   `end` when the release has ended; `EventSource("/api/v1/events")` has one message for each app that changes (`AppView` as
///   JSON). Both take the session's cookie.
/// - The content security policy allows scripts, styles, images and fonts from this server only, and nothing inline.
package struct WebServer: Sendable {
    package let services: Services
    private let onListening: @Sendable (Int) async -> Void

    /// `onListening` is called with the port when the server listens.
    package init(_ services: Services, onListening: @escaping @Sendable (Int) async -> Void = { _ in }) {
        self.services = services
        self.onListening = onListening
    }

    /// Runs until the task is cancelled: then running releases stay as the journal has them, and open streams end.
    package func run() async throws {
        let certificates = try services.settings.tls.map { try Certificates($0, logger: services.logger) }
        let (listening, hasListened) = AsyncStream.makeStream(of: Void.self)
        let application = application(certificates) { hasListened.finish() }
        var configuration = ServiceGroupConfiguration(
            services: [
                // Shut down in reverse order, one after the other: the releases first, so that viewers get their last events, then the
                // streams, then HTTP.
                application,
                // Not before all that it may have claimed something for has stopped.
                BackgroundService { await services.serverWork() },
                BackgroundService { await certificates?.watch() },
                BackgroundService { await services.appStates.run() },
                BackgroundService {
                    // The first round reads everything at once: with thousands of apps nothing else would get to begin.
                    for await _ in listening {}
                    async let history: Void = services.readHistory()
                    await services.driftMonitor.run(afterFirstRound: StartupMemory.drop)
                    await history
                },
                BackgroundService { await services.hookWork() },
                BackgroundService { await services.retentionWork() },
                BackgroundService { await services.slackWork() },
                BackgroundService { await services.outbox.run() },
                BackgroundService { await services.runner.run() },
            ] as [any Service],
            logger: services.logger.quiet
        )
        configuration.maximumGracefulShutdownDuration = services.settings.shutdownLimit
        let group = ServiceGroup(configuration: configuration)
        // Before anything is claimed.
        await services.presence.renew()
        // Cancelling the group's task would cut off open responses: they end in a graceful shutdown.
        let running = Task { try await group.run() }
        do {
            try await withTaskCancellationHandler {
                try await running.value
            } onCancel: {
                services.presence.noteStopping()
                Task { await group.triggerGracefulShutdown() }
            }
        } catch let error as IOError {
            throw CannotListen(address: services.settings.listen, error: error)
        }
    }

    /// The middlewares, the outermost first, and the routes behind them.
    private func responder() -> RouterResponder<ServerContext> {
        let settings = services.settings
        let routes = Routes()
        let pages = Pages(services)
        routes.add(middleware: RemoteAddressMiddleware(settings: settings))
        routes.add(middleware: RequestMetricsMiddleware(metrics: services.metrics, logger: services.logger))
        routes.add(middleware: SecurityHeadersMiddleware(isSecure: settings.isSecure))
        routes.add(middleware: UnreadBodyMiddleware())
        routes.add(middleware: HeadMiddleware())
        routes.add(middleware: ErrorMiddleware(services: services, routes: routes.table, pages: pages))
        routes.add(middleware: AuthenticationMiddleware(services: services))
        routes.add(middleware: RequestBodyMiddleware(services: services))
        routes.add(middleware: CSRFMiddleware(settings: settings))
        routes.add(middleware: UnknownRouteMiddleware(routes: routes.table))
        API(services).add(to: routes)
        pages.add(to: routes)
        return routes.responder()
    }

    private func application(
        _ certificates: Certificates?, whenListening: @escaping @Sendable () -> Void
    ) -> Application<RouterResponder<ServerContext>> {
        let settings = services.settings
        let http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [WriteTimeoutHandler(limit: settings.writeTimeout)],
            idleTimeout: .nanoseconds(settings.idleTimeout.milliseconds * 1_000_000),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)
        )
        return Application(
            responder: responder(),
            server: .init { responder in
                let plain = HTTP1Channel(responder: responder, configuration: http)
                return certificates.map { TLSChannel(plain, $0) as any ServerChildChannel } ?? plain
            },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.listen.host, port: settings.listen.port),
                serverName: nil,
                backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(settings.maximumConnections)
            ),
            onServerRunning: { channel in
                StartupMemory.drop()
                if let exposure = settings.exposure {
                    services.logger.warning("\(exposure)", metadata: ["listen": "\(settings.listen)"])
                }
                await onListening(channel.localAddress?.port ?? settings.listen.port)
                whenListening()
            },
            logger: services.logger.quiet
        )
    }
}

/// The address cannot be bound.
struct CannotListen: Error, CustomStringConvertible {
    var address: ListenAddress
    var error: IOError

    var description: String {
        let why = String(cString: strerror(error.errnoCode))
        return "the server cannot listen on \(address): \(why); choose another address with --listen or server.listen"
    }
}

/// A task that runs until the server shuts down.
struct BackgroundService: Service {
    private let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void) {
        self.body = body
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await body()
            // The group stops when one of its services returns.
            await BackgroundService.untilCancelled()
        }
    }

    static func untilCancelled() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationHandler {
            for await _ in stream {}
        } onCancel: {
            continuation.finish()
        }
    }
}

extension Logger {
    /// The logger for libraries: warnings and errors only, not a line for each connection.
    var quiet: Logger {
        var logger = self
        logger.logLevel = max(logLevel, .warning)
        return logger
    }
}
