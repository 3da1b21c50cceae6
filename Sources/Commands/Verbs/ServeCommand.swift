import ArgumentParser
import Controller
import Foundation
import Glibc
import Journal
import Logging
import Server
import ViridianConfiguration

struct ServeCommand: Verb {
    enum LogFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server: API, pages and the engine.",
        discussion: """
            The server continues unfinished releases when it starts and watches nodes for drift. It can be stopped at any time: releases \
            continue at its next start. It logs to standard error.
            """
    )

    @Option(help: "The address to listen on, instead of server.listen.") var listen: String?
    @Option(help: "The log format: text (key=value), or json (one object a line).") var logFormat: LogFormat =
        .text
    @Flag(help: "Also log every request.") var verbose = false
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer("serve", "it is the server itself; --listen sets its address")
    }

    func perform() async throws -> ExitStatus {
        try await Installation.open(config: local.config, connecting: true) { installation in
            let configured = installation.configuration.server
            let settings = ServerSettings(
                listen: try listen.map { try ListenAddress($0) } ?? configured.listen,
                url: configured.url?.absoluteString,
                tls: configured.tls,
                keep: installation.configuration.keep,
                version: Viridian.version
            )
            raiseFileLimit()
            let logger = StandardErrorLog.logger(isJSON: logFormat == .json, level: verbose ? .debug : .info)
            let services = try await Services(
                apps: ServedInstallation(installation: installation),
                journal: installation.journal,
                settings: settings,
                hooks: HookSettings(installation.configuration),
                destinations: try installation.destinations(),
                slack: try installation.slackAccess(),
                logger: logger
            )
            let name = caller().contains(" ") ? "'\(caller())'" : caller()
            let hasTokens = try await installation.journal.tokens().contains { $0.isGood(at: SystemClock().now) }
            let scheme = settings.tls == nil ? "http" : "https"
            let server = WebServer(services) { port in
                let address = ListenAddress(host: settings.listen.host, port: port)
                printLine("viridian \(settings.version) serves \(settings.url ?? "\(scheme)://\(address)")")
                printLine(
                    hasTokens
                        ? "Ctrl-C stops the server; a running release continues at the next start"
                        : "No access token exists yet. Create the first: viridian token create --role admin --name \(name) "
                            + "--config \(installation.configuration.file)"
                )
            }
            try await server.run()
            return .done
        }
    }

    var interruptionMessage: [String] { [] }

    /// Raises the limit of open files, and so of connections, to the system's hard limit or 65,536.
    private func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
