import ArgumentParser
import Foundation
import Sandbox

/// The demo's app. The sandbox starts it as a pod's process.
struct SampleAppCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample-app",
        abstract: "The demo's app: a small web server that reports its version and colour.",
        shouldDisplay: false
    )

    @Option(help: "The address to listen on. Default: the pod's.") var host: String?
    @Option(help: "The port to listen on.") var port: Int = 9000

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let name = environment["APP_NAME"] ?? ""
        let app = SampleApp(
            host: host ?? environment["SANDBOX_POD_IP"] ?? "127.0.0.1",
            port: port,
            version: environment["APP_VERSION"] ?? "dev",
            color: name.split(separator: "-").last.map(String.init) ?? "none",
            pod: environment["POD_NAME"] ?? "sample-app"
        )
        throw ExitCode(try await app.run())
    }
}
