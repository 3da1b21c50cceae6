import Foundation
import HTTPTransport

/// Sends requests through each node's nginx, every one over a new connection, and counts the answers.
struct LoadGenerator: Sendable {
    /// The counted results.
    struct Tally: Sendable, Equatable {
        var sent = 0
        var failed = 0
        /// Answers by the version that gave them.
        var versions: [String: Int] = [:]
        /// The first five failures.
        var failures: [String] = []
    }

    private let sites: [String]
    private let visitorsPerSite: Int
    private let pause: Duration
    private let counter = Counter()

    /// - Parameters:
    ///   - sites: the URLs of the nodes.
    ///   - visitorsPerSite: how many requests are sent at the same time.
    ///   - pause: between two requests of one visitor.
    init(sites: [String], visitorsPerSite: Int = 2, pause: Duration = .milliseconds(2)) {
        self.sites = sites
        self.visitorsPerSite = visitorsPerSite
        self.pause = pause
    }

    var tally: Tally { get async { await counter.tally } }

    /// Sends requests until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for site in sites {
                for _ in 0..<visitorsPerSite { group.addTask { await visit(site) } }
            }
        }
    }

    private func visit(_ site: String) async {
        guard let connection = try? HTTPConnection(baseURL: site) else { return }
        while !Task.isCancelled {
            do {
                let request = HTTPConnection.Request("GET", "/", deadline: .seconds(10), closesConnection: true)
                let response = try await connection.send(request)
                let text = String(decoding: response.body.prefix(200), as: UTF8.self)
                await counter.count(
                    response.isSuccess ? text.split(separator: " ").first.map(String.init) : nil,
                    failure: response.isSuccess ? nil : "\(site): HTTP status \(response.status)"
                )
            } catch is CancellationError {
                break
            } catch {
                // A request cancelled by this program is no failure of the service.
                if Task.isCancelled { break }
                await counter.count(nil, failure: "\(site): \(error)")
            }
            try? await Task.sleep(for: pause)
        }
        await connection.shutdown()
    }

    private actor Counter {
        private(set) var tally = Tally()

        func count(_ version: String?, failure: String?) {
            tally.sent += 1
            if let version { tally.versions[version, default: 0] += 1 }
            if let failure {
                tally.failed += 1
                if tally.failures.count < 5 { tally.failures.append(failure) }
            }
        }
    }
}
