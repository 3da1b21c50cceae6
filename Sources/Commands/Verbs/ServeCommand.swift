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
        abstract: "The server: API, pages, and the engine.",
        discussion: """
            It takes unfinished releases up at its start, watches nodes for drift, and can be stopped at any time: releases go on \
            when it is back. Its log goes to standard error.
            """
    )

    @Option(help: "Where to listen, instead of server.listen.") var listen: String?
    @Option(help: "How the log is written: text (key=value), or json, one object a line.") var logFormat: LogFormat =
        .text
    @Flag(help: "Log every request too.") var verbose = false
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer("serve", "it is the server; --listen says where it listens")
    }

    func perform() async throws -> ExitStatus {
        try await Installation.open(config: local.config, reachingOut: true) { installation in
            let configured = installation.configuration.server
            let settings = ServerSettings(
                listen: try listen.map { try ListenAddress($0) } ?? configured.listen,
                url: configured.url?.absoluteString,
                tls: configured.tls,
                version: Viridian.version
            )
            raiseFileLimit()
            let logger = StandardErrorLog.logger(isJSON: logFormat == .json, level: verbose ? .debug : .info)
            let services = try Services(
                apps: ServedInstallation(installation: installation),
                journal: installation.journal,
                settings: settings,
                logger: logger
            )
            for key in installation.configuration.unbuilt {
                logger.warning(
                    "configured, and this version of viridian does nothing with it", metadata: ["key": "\(key)"])
            }
            let name = caller().contains(" ") ? "'\(caller())'" : caller()
            let hasTokens = try installation.journal.tokens().contains { $0.isGood(at: SystemClock().now) }
            let scheme = settings.tls == nil ? "http" : "https"
            let server = WebServer(services) { port in
                let address = ListenAddress(host: settings.listen.host, port: port)
                say("viridian \(settings.version) serves \(settings.url ?? "\(scheme)://\(address)")")
                say(
                    hasTokens
                        ? "Ctrl-C stops it; a release that runs goes on at the next start"
                        : "Nobody has access yet. The first token: viridian token create --role admin --name \(name) "
                            + "--config \(installation.configuration.file)"
                )
            }
            try await server.run()
            return .done
        }
    }

    var wordsWhenInterrupted: [String] { [] }

    /// A connection is an open file: as many as the system lets us have.
    private func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
