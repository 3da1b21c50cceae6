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

/// # The server
///
/// `WebServer` runs everything: the board that follows the journal, the lookout, the runner, and HTTP. A request goes through `Door`
/// (who is it, what is wrong with it, what is counted), then to a route. Two kinds of routes are registered in `routes`:
///
/// - `API(services).add(to: routes)`: JSON under `/api/v1`, described by `/openapi.json`;
/// - `Pages(services).add(to: routes)`: everything that people see.
///
/// ## For whoever writes a page
///
/// - Register with `routes.get("apps/{app}") { request, context in … }`; `context.parameters.get("app")`.
/// - `context.identity`: who asks. Outside `/signin` and `/assets/…` it is there: the door sends people without a session to
///   `/signin?next=…` (GET), or answers 401.
/// - `context.session?.csrf` goes into every form as the hidden field `csrf`, or into the header `X-CSRF-Token`. The door has checked
///   it, and the request's `Origin`, before a handler runs. The form's other fields are in `context.form`.
/// - `try context.require(.deployer, for: app)` throws the right 403.
/// - Whatever is thrown becomes a page through `Pages.errorPage`, or JSON under `/api`.
/// - What to show: `services.board` (`apps()`, `app(_:)`, `tail(_:_:)` for a release's events and log, `digests(_:)` for history and
///   usual times), `services.journal.audit/tokens`, `Statistics`. What to do: `services.acts(context)`, which also keeps the audit log.
/// - Live: `EventSource("/api/v1/apps/{app}/releases/{n}/events")` has one message an event (`EventView` as JSON), and one of type
///   `end` when the release has ended; `EventSource("/api/v1/events")` has one message for each app that changes (`AppView` as
///   JSON). Both take the session's cookie.
/// - The content security policy allows scripts, styles, images and fonts from this server only, nothing inline.
package struct WebServer: Sendable {
    package let services: Services
    private let onListening: @Sendable (Int) async -> Void

    /// `onListening` is told the port when the server answers.
    package init(_ services: Services, onListening: @escaping @Sendable (Int) async -> Void = { _ in }) {
        self.services = services
        self.onListening = onListening
    }

    /// Runs until the task is cancelled: then running releases stop where the journal has them, and open answers are ended.
    package func run() async throws {
        let certificates = try services.settings.tls.map { try Certificates($0, logger: services.logger) }
        let application = application(certificates)
        var configuration = ServiceGroupConfiguration(
            services: [
                // They are told to stop from the last one to the first, each when the one after it has stopped: releases first, so
                // that whoever watches hears of it, then the streams, and HTTP when nothing is left to be said.
                application,
                Work { await certificates?.watch() },
                Work { await services.board.run() },
                Work { await services.lookout.run(afterFirstRound: StartPages.drop) },
                Work { await services.runner.run() },
            ] as [any Service],
            logger: services.logger.quiet
        )
        configuration.maximumGracefulShutdownDuration = Duration.seconds(30)
        let group = ServiceGroup(configuration: configuration)
        // A group whose task is cancelled drops everything; one that is told to stop ends its answers first.
        let running = Task { try await group.run() }
        do {
            try await withTaskCancellationHandler {
                try await running.value
            } onCancel: {
                Task { await group.triggerGracefulShutdown() }
            }
        } catch let error as IOError {
            throw CannotListen(address: services.settings.listen, error: error)
        }
    }

    private func application(_ certificates: Certificates?) -> Application<Door> {
        let settings = services.settings
        let routes = Routes()
        API(services).add(to: routes)
        let pages = Pages(services)
        pages.add(to: routes)
        let door = Door(services, routes, pages)
        let http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [StallHandler(limit: settings.stallTimeout)],
            idleTimeout: .nanoseconds(settings.idleTimeout.milliseconds * 1_000_000),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)
        )
        return Application(
            responder: door,
            server: .init { responder in
                let plain = HTTP1Channel(responder: responder, configuration: http)
                return certificates.map { SecureChannel(plain, $0) as any ServerChildChannel } ?? plain
            },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.listen.host, port: settings.listen.port),
                serverName: nil,
                backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(settings.maximumConnections)
            ),
            onServerRunning: { channel in
                StartPages.drop()
                if let exposure = settings.exposure {
                    services.logger.warning("\(exposure)", metadata: ["listen": "\(settings.listen)"])
                }
                await onListening(channel.localAddress?.port ?? settings.listen.port)
            },
            logger: services.logger.quiet
        )
    }
}

/// The server has no place to answer at.
struct CannotListen: Error, CustomStringConvertible {
    var address: ListenAddress
    var error: IOError

    var description: String {
        let why = String(cString: strerror(error.errnoCode))
        return "the server cannot listen on \(address): \(why); choose another address with --listen or server.listen"
    }
}

/// Something that goes on beside HTTP, until the server is told to stop.
struct Work: Service {
    private let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void) {
        self.body = body
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await body()
            // The end of one must not be the end of all.
            await Work.untilCancelled()
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
    /// For libraries, whose notices of connections come by the thousand.
    var quiet: Logger {
        var logger = self
        logger.logLevel = max(logLevel, .warning)
        return logger
    }
}
