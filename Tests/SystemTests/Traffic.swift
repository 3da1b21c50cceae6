import Foundation
import HTTPTransport
import Kubernetes
import Testing

/// The results for visitors and colours during a test.
struct Watched: Sendable {
    var sent = 0
    /// A description of each failed request.
    var failures: [String] = []
    /// Number of answers by version.
    var versions: [String: Int] = [:]
    /// Moments in which no colour had a ready pod, after the first ready one.
    var dark: [String] = []
    /// Retried requests.
    var retried = 0
}

extension World {
    /// Runs `body` under traffic with a new connection for each request, and watches both colours.
    func watched<Value: Sendable>(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> (Value, Watched) {
        let notes = Notes()
        let value = try await withThrowingTaskGroup(of: Value?.self) { group in
            defer { group.cancelAll() }
            for site in sites {
                group.addTask {
                    await visit(site, notes)
                    return nil
                }
            }
            group.addTask {
                await watchColours(notes)
                return nil
            }
            let value = try await body()
            group.cancelAll()
            return value
        }
        return (value, await notes.watched)
    }

    private func visit(_ site: String, _ notes: Notes) async {
        guard let connection = try? HTTPConnection(baseURL: site) else { return }
        while !Task.isCancelled {
            do {
                let request = HTTPConnection.Request("GET", "/", deadline: .seconds(10), closesConnection: true)
                await notes.took(try await connection.send(request), from: site)
            } catch {
                // A request that the end of the test cancels does not count.
                if !Task.isCancelled { await notes.failed("\(site): \(error)") }
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        await connection.shutdown()
    }

    private func watchColours(_ notes: Notes) async {
        do {
            for try await event in client.watch(.replicationControllers, namespace: "blog") { await notes.saw(event) }
        } catch is CancellationError {
        } catch {
            await notes.failed("the watch of both colours: \(error)")
        }
    }
}

private actor Notes {
    private(set) var watched = Watched()
    private var ready: [String: Int] = [:]
    private var wasLit = false

    func took(_ response: HTTPConnection.Response, from site: String) {
        watched.sent += 1
        guard response.isSuccess else {
            return watched.failures.append("\(site): status \(response.status)")
        }
        let words = String(decoding: response.body.prefix(200), as: UTF8.self)
        watched.versions[words.split(separator: " ").first.map(String.init) ?? "", default: 0] += 1
    }

    func failed(_ words: String) {
        watched.sent += 1
        watched.failures.append(words)
    }

    func saw(_ event: WatchEvent) {
        switch event {
        case .snapshot(let list):
            ready = [:]
            for object in list.items { note(object) }
        case .added(let object), .modified(let object): note(object)
        case .deleted(let object): ready[object[at: "metadata.name"]?.string ?? ""] = nil
        case .interrupted, .resumed: return
        }
        let isLit = ready.values.contains { $0 > 0 }
        if wasLit, !isLit { watched.dark.append("\(ready)") }
        wasLit = wasLit || isLit
    }

    private func note(_ object: JSON) {
        ready[object[at: "metadata.name"]?.string ?? ""] = object[at: "status.readyReplicas"]?.integer ?? 0
    }
}

extension Watched {
    /// Expects requests, and no failure.
    func expectUnnoticed(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(failures.isEmpty, comment, sourceLocation: sourceLocation)
        #expect(dark.isEmpty, comment, sourceLocation: sourceLocation)
        #expect(sent > 0, comment, sourceLocation: sourceLocation)
    }
}

/// One answer over a new connection.
func fetch(_ site: String, _ path: String = "/") async throws -> String {
    let connection = try HTTPConnection(baseURL: site)
    do {
        let response = try await connection.send(.init("GET", path, deadline: .seconds(5), closesConnection: true))
        await connection.shutdown()
        return response.isSuccess ? String(decoding: response.body, as: UTF8.self) : "status \(response.status)"
    } catch {
        await connection.shutdown()
        throw error
    }
}
