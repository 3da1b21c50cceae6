import Foundation
import Hummingbird
import Logging
import NIOCore
import UnixSignals

/// A small web server that responds with its version and colour. The demo releases it.
///
/// The name of a version determines its behaviour, to try failing releases: `crash…` exits after some log lines, `unready…` never
/// becomes ready, `slow…` becomes ready after three seconds.
package struct SampleApp: Sendable {
    package var host: String
    package var port: Int
    package var version: String
    package var color: String
    package var pod: String

    package init(host: String, port: Int, version: String, color: String, pod: String) {
        self.host = host
        self.port = port
        self.version = version
        self.color = color
        self.pod = pod
    }

    /// Serves until SIGTERM, then finishes the requests in progress.
    /// - Returns: the exit status of the process.
    package func run() async throws -> Int32 {
        if version.hasPrefix("crash") {
            log("starting version \(version)")
            log("reading the settings")
            log("fatal: the setting DATABASE_URL is missing")
            return 3
        }
        let started = ContinuousClock.now
        let router = Router()
        router.get("/") { [self] _, _ in "\(version) \(color) \(pod)\n" }
        router.get("/healthz") { [self] _, _ in
            let isReady =
                version.hasPrefix("slow")
                ? ContinuousClock.now - started > .seconds(3) : !version.hasPrefix("unready")
            return Response(status: isReady ? .ok : .serviceUnavailable)
        }
        let app = Application(
            router: router,
            configuration: .init(address: .hostname(host, port: port), serverName: nil),
            logger: Logger(label: "sample-app") { _ in SwiftLogNoOpLogHandler() }
        )
        log("\(version) listens on \(host):\(port)")
        try await app.runService(gracefulShutdownSignals: [.sigterm, .sigint])
        return 0
    }

    /// Unbuffered, so that a line reaches the pod's log immediately.
    private func log(_ line: String) {
        FileHandle.standardOutput.write(Data("\(pod): \(line)\n".utf8))
    }

    /// The images that run this app: any tag of a repository in `registries` or in a registry on this machine, with a digest or without,
    /// except tags that begin with `missing`. The tag is the version, whatever the digest.
    package static func images(program: String, registries: [String]) -> ImageCatalog {
        ImageCatalog { image in
            guard let name = ImageName(image), let tag = name.tag, image.contains(":"), !tag.hasPrefix("missing"),
                registries.contains(where: { image.hasPrefix($0) }) || name.isOnThisMachine
            else { return nil }
            return .process(command: [program, "sample-app"], environment: ["APP_VERSION": tag])
        }
    }
}
