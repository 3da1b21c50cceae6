import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

/// The parts of an event that tests compare.
private func text(_ event: WatchEvent?) -> String {
    func name(_ object: JSON) -> String {
        "\(object[at: "metadata.name"]?.string ?? "?")@\(object[at: "metadata.resourceVersion"]?.string ?? "?")"
    }
    return switch event {
    case .snapshot(let list): "snapshot " + list.items.map(name).joined(separator: " ")
    case .added(let object): "added \(name(object))"
    case .modified(let object): "modified \(name(object))"
    case .deleted(let object): "deleted \(name(object))"
    case .interrupted(let error): "interrupted: \(error)"
    case .resumed: "resumed"
    case nil: "end"
    }
}

private func pod(_ name: String, _ version: Int) -> JSON {
    ["kind": "Pod", "metadata": ["name": .string(name), "resourceVersion": .string(String(version))]]
}

private func list(_ version: Int, _ pods: JSON...) -> Reply {
    .json([
        "kind": "PodList", "apiVersion": "v1", "metadata": ["resourceVersion": .string(String(version))],
        "items": .array(pods),
    ])
}

private func line(_ type: String, _ object: JSON) -> Reply.Step {
    .write((["type": .string(type), "object": object] as JSON).text + "\n")
}

private func bookmark(_ version: Int) -> Reply.Step {
    line("BOOKMARK", ["kind": "Pod", "metadata": ["resourceVersion": .string(String(version))]])
}

private let expired: JSON = ["kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"]

/// Reads that many events of a watch on the pods of a scripted API server.
///
/// The script has one part for lists and one for watches, each with the number of lists or watches before.
private func events(
    _ count: Int,
    pauses: Pauses = Pauses(),
    lists: @escaping @Sendable (Int) -> Reply,
    watches: @escaping @Sendable (Int) -> Reply
) async throws -> (events: [String], requests: [Received]) {
    let counts = Counts()
    return try await withClient(
        pauses: pauses,
        { request, _ in
            let isWatch = request.query["watch"] == "true"
            let number = await counts.next(isWatch)
            return isWatch ? watches(number) : lists(number)
        }
    ) { client, server in
        var seen: [String] = []
        var iterator = client.watch(.pods, namespace: "blog", labels: "name=blog-blue").makeAsyncIterator()
        for _ in 0..<count { seen.append(text(try await iterator.next())) }
        return (seen, await server.requests.all)
    }
}

private actor Counts {
    private var counts: [Bool: Int] = [:]
    func next(_ isWatch: Bool) -> Int {
        defer { counts[isWatch, default: 0] += 1 }
        return counts[isWatch, default: 0]
    }
}

/// The resource versions that watches began at.
private func beginnings(_ requests: [Received]) -> [String?] {
    requests.filter { $0.query["watch"] == "true" }.map { $0.query["resourceVersion"] }
}

@Suite("watches")
struct WatchTests {
    @Test("a watch begins with a snapshot and continues with every later change")
    func plain() async throws {
        let (seen, requests) = try await events(
            4, lists: { _ in list(10, pod("a", 8)) },
            watches: { _ in
                Reply(steps: [
                    line("ADDED", pod("b", 11)), line("MODIFIED", pod("a", 12)), line("DELETED", pod("b", 13)), .hang,
                ])
            })
        #expect(seen == ["snapshot a@8", "added b@11", "modified a@12", "deleted b@13"])
        #expect(requests.map(\.path) == ["/api/v1/namespaces/blog/pods", "/api/v1/namespaces/blog/pods"])
        #expect(
            requests.last?.query == [
                "watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "10", "timeoutSeconds": "60",
                "labelSelector": "name=blog-blue",
            ])
    }

    @Test("an event in several chunks, none of which ends a line, is one event")
    func chunks() async throws {
        let text = (["type": "ADDED", "object": pod("b", 11)] as JSON).text
        let steps = text.map { Reply.Step.write(String($0)) } + [.write("\n"), .hang]
        let (seen, _) = try await events(2, lists: { _ in list(10) }, watches: { _ in Reply(steps: steps) })
        #expect(seen == ["snapshot ", "added b@11"])
    }

    @Test("where it is asked for, the end of each interruption is told, also when nothing has changed")
    func resumption() async throws {
        let counts = Counts()
        let (seen, requests) = try await withClient(
            pauses: Pauses(),
            { request, _ in
                guard request.query["watch"] == "true" else { return list(10, pod("a", 8), pod("b", 9)) }
                switch await counts.next(true) {
                case 0, 2: return Reply(steps: [.write("{"), .drop])
                default: return Reply(steps: [line("MODIFIED", pod("b", 11)), line("MODIFIED", pod("a", 12)), .hang])
                }
            }
        ) { client, server in
            var seen: [String] = []
            var iterator = client.watch(.pods, namespace: "blog", reportsResumption: true) {
                $0[at: "metadata.name"] == "b" ? nil : $0
            }.makeAsyncIterator()
            for _ in 0..<4 { seen.append(text(try await iterator.next())) }
            return (seen, await server.requests.all)
        }
        // Nothing is kept of b.
        #expect([seen[0], seen[2], seen[3]] == ["snapshot a@8", "resumed", "modified a@12"])
        #expect(seen[1].hasPrefix("interrupted: "))
        #expect(beginnings(requests) == ["10", "10"])
    }

    @Test("a watch that the server ends continues from the last bookmark, without a new list")
    func bookmarks() async throws {
        let (seen, requests) = try await events(
            3, lists: { _ in list(10) },
            watches: { number in
                number == 0
                    ? Reply(steps: [line("ADDED", pod("b", 11)), bookmark(50)])
                    : Reply(steps: [line("ADDED", pod("c", 51)), .hang])
            })
        #expect(seen == ["snapshot ", "added b@11", "added c@51"])
        #expect(beginnings(requests) == ["10", "50"])
    }

    @Test(
        "after a connection lost in the middle of a line the watch continues from the last event, without loss or duplicates"
    )
    func lostConnection() async throws {
        let pauses = Pauses()
        let (seen, requests) = try await events(
            4, pauses: pauses, lists: { _ in list(10) },
            watches: { number in
                number == 0
                    ? Reply(steps: [line("ADDED", pod("b", 11)), .write("{\"type\":\"MOD"), .drop])
                    : Reply(steps: [line("MODIFIED", pod("b", 12)), .hang])
            })
        #expect([seen[0], seen[1], seen[3]] == ["snapshot ", "added b@11", "modified b@12"])
        #expect(seen[2].hasPrefix("interrupted: the Kubernetes API at http://127.0.0.1:"))
        #expect(seen[2].contains("did not watch pods in namespace blog"))
        #expect(beginnings(requests) == ["10", "11"])
        #expect(await pauses.all.count == 1)
    }

    @Test("a partial line at a proper end of the stream is a lost connection too")
    func halfLine() async throws {
        let (seen, requests) = try await events(
            3, lists: { _ in list(10) },
            watches: { number in
                number == 0
                    ? Reply(steps: [.write("{\"type\":\"ADDED\",\"obj")])
                    : Reply(steps: [line("ADDED", pod("b", 11)), .hang])
            })
        #expect(seen[1].hasPrefix("interrupted"))
        #expect(seen[2] == "added b@11")
        #expect(beginnings(requests) == ["10", "10"])
    }

    @Test(
        "410 Gone, as an event or as a status, brings a new snapshot, from which deleted objects are missing",
        arguments: [true, false])
    func gone(asEvent: Bool) async throws {
        let pauses = Pauses()
        let (seen, requests) = try await events(
            3, pauses: pauses,
            lists: { number in number == 0 ? list(10, pod("a", 8), pod("b", 9)) : list(90, pod("b", 70)) },
            watches: { number in
                guard number == 0 else { return Reply(steps: [line("MODIFIED", pod("b", 91)), .hang]) }
                return asEvent ? Reply(steps: [line("ERROR", expired)]) : .json(expired, status: 410)
            })
        #expect(seen == ["snapshot a@8 b@9", "snapshot b@70", "modified b@91"])
        #expect(beginnings(requests) == ["10", "90"])
        #expect(await pauses.all.isEmpty)
    }

    @Test("a watch backs off when every list expires immediately")
    func alwaysGone() async throws {
        let pauses = Pauses()
        _ = try await events(
            6, pauses: pauses, lists: { list($0) }, watches: { _ in .json(expired, status: 410) })
        let waits = await pauses.all
        #expect(waits.count == 4)
        #expect(waits.last ?? .zero > .milliseconds(500))
    }

    @Test("the back-off grows to 10 seconds with jitter, is reported once, and is reset after progress")
    func backOff() async throws {
        let pauses = Pauses()
        let (seen, _) = try await events(
            4, pauses: pauses, lists: { _ in list(10) },
            watches: { number in
                switch number {
                case 0..<9: .status(503, "ServiceUnavailable", "etcd leader changed")
                case 9: Reply(steps: [line("ADDED", pod("b", 11)), .drop])
                default: Reply(steps: [.hang])
                }
            })
        #expect(
            seen[1]
                == "interrupted: the Kubernetes API refused to watch pods in namespace blog: etcd leader changed")
        #expect(seen[2] == "added b@11")
        #expect(seen[3].hasPrefix("interrupted"))
        let waits = await pauses.all
        let steps: [Double] = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]
        #expect(waits.count == steps.count)
        for (wait, step) in zip(waits, steps) { #expect(wait >= .seconds(step / 2) && wait <= .seconds(step)) }
    }

    @Test("a watch respects the delay that the server requests")
    func retryAfter() async throws {
        let pauses = Pauses()
        let (seen, _) = try await events(
            3, pauses: pauses, lists: { _ in list(10) },
            watches: { number in
                number == 0
                    ? Reply(status: 429, headers: ["Retry-After": "9"])
                    : Reply(steps: [line("ADDED", pod("b", 11)), .hang])
            })
        #expect(seen[2] == "added b@11")
        #expect(await pauses.all == [.seconds(9)])
    }

    @Test("permanent errors end the watch", arguments: [401, 403, 404])
    func hopeless(status: Int) async throws {
        let error = try await kubernetesError {
            _ = try await events(2, lists: { _ in list(10) }, watches: { _ in .status(status, "No", "no") })
        }
        #expect(error.status == status)
    }

    @Test("a watch without a first snapshot fails like a list")
    func noBeginning() async throws {
        let error = try await kubernetesError {
            _ = try await events(1, lists: { _ in .status(503, "No", "no") }, watches: { _ in Reply() })
        }
        #expect(error.status == 503)
    }

    @Test("after the first snapshot the watch waits for an API server that is unavailable")
    func relistTrouble() async throws {
        let (seen, _) = try await events(
            3,
            lists: { number in
                switch number {
                case 0: list(10, pod("a", 8))
                case 1...7: .status(503, "ServiceUnavailable", "starting")
                default: list(20, pod("c", 19))
                }
            }, watches: { _ in .json(expired, status: 410) })
        #expect(seen[0] == "snapshot a@8")
        #expect(seen[1].hasPrefix("interrupted"))
        #expect(seen[2] == "snapshot c@19")
    }

    @Test("cancelling the task that waits for an event ends the watch and its connection")
    func cancellation() async throws {
        let watching = Gate()
        try await withClient({ request, _ in
            guard request.query["watch"] == "true" else { return list(10) }
            await watching.open()
            return Reply(steps: [.hang])
        }) { client, _ in
            let task = Task { for try await _ in client.watch(.pods) {} }
            await watching.pass()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("a slow consumer loses nothing: the watch reads only on demand")
    func slowConsumer() async throws {
        let count = 2000
        let steps = (0..<count).map { line("ADDED", pod("p\($0)", 11 + $0)) } + [.hang]
        let (seen, _) = try await events(count + 1, lists: { _ in list(10) }, watches: { _ in Reply(steps: steps) })
        #expect(seen.dropFirst() == (0..<count).map { "added p\($0)@\(11 + $0)" }[...])
    }
}
