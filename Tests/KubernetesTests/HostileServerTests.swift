import Foundation
import HTTPTransport
import Kubernetes
import Synchronization
import TestSupport
import Testing

/// A broken or compromised API server: no response may crash the process, exhaust its memory or block it.
@Suite("A hostile API server")
struct HostileServerTests {
    @Test("an endless list is aborted, whether its pages repeat or not")
    func endlessList() async throws {
        let pods: JSON = .array(Array(repeating: ["metadata": ["name": "p"]], count: 500))
        try await withClient({ _, number in
            .json(["metadata": ["continue": .string("\(number)")], "items": pods])
        }) { client, server in
            let error = try await kubernetesError { _ = try await client.list(.pods) }
            #expect(error.description.hasSuffix("an endless list, with 100500 objects so far"))
            #expect(await server.requests.all.count == 201)
        }
        try await withClient({ _, _ in .json(["metadata": ["continue": "again"], "items": []]) }) { client, server in
            let error = try await kubernetesError { _ = try await client.list(.pods) }
            #expect(error.description.hasSuffix("an endless list, with 0 objects so far"))
            #expect(await server.requests.all.count == 2)
        }
        // Each page is empty, and comes five seconds after the one before.
        let start = ContinuousClock.now
        let pages = Mutex(0)
        try await withClient(
            now: { start + .seconds(5) * pages.withLock { $0 } },
            { _, number in
                pages.withLock { $0 += 1 }
                return .json(["metadata": ["continue": .string("\(number)")], "items": []])
            }
        ) { client, server in
            let error = try await kubernetesError { _ = try await client.list(.pods) }
            #expect(error.description.hasSuffix("an endless list, with 0 objects so far"))
            let count = await server.requests.all.count
            #expect(.seconds(5) * count == client.deadline * 4)
        }
    }

    @Test("an endless body is aborted after 4 MiB of an object and 32 MiB of a list")
    func endlessBody() async throws {
        let chunk = String(repeating: " ", count: 1 << 20)
        try await withClient({ _, _ in Reply(steps: Array(repeating: .write(chunk), count: 64) + [.hang]) }) {
            client, server in
            let object = try await kubernetesError { _ = try await client.get(.pods, "blog") }
            #expect(object.description.hasSuffix("is larger than 4194304 bytes"))
            let list = try await kubernetesError { _ = try await client.list(.pods) }
            #expect(list.description.hasSuffix("is larger than 33554432 bytes"))
            let log = try await kubernetesError { _ = try await client.logs(ofPod: "blog") }
            #expect(log.description.hasSuffix("is larger than 4194304 bytes"))
        }
    }

    @Test("an endlessly nested object is an invalid response")
    func deepObject() async throws {
        let deep = String(repeating: "[", count: 100_000)
        try await withClient({ _, _ in .text(deep) }) { client, _ in
            let error = try await kubernetesError { _ = try await client.get(.pods, "blog") }
            #expect(error.description.hasSuffix("is not from a Kubernetes API: the response is not JSON"))
        }
    }

    @Test(
        "an object that others change each time is written ten times, with back-off, and then reported"
    )
    func conflicts() async throws {
        let pauses = Pauses()
        try await withClient(
            pauses: pauses, { _, _ in .status(409, "Conflict", "the object has been modified") }
        ) { client, server in
            var conflicts = client.conflictRetry(for: .leases, "viridian", namespace: "blog")
            let lease: JSON = ["metadata": ["name": "viridian", "namespace": "blog", "resourceVersion": "1"]]
            var said = ""
            while said.isEmpty {
                let conflict = try await kubernetesError { _ = try await client.replace(.leases, lease) }
                do {
                    try await conflicts.waitToRetry(after: conflict)
                } catch let error as ConflictRetriesExhausted {
                    said = error.description
                }
            }
            #expect(await server.requests.all.count == 10)
            let waits = await pauses.all
            #expect(waits.count == 9)
            #expect(waits[0] <= .milliseconds(50) && waits[8] >= .seconds(1))
            #expect(
                said
                    == "leases.coordination.k8s.io viridian in namespace blog was changed by another client in each of 10 "
                    + "attempts to write it (the Kubernetes API refused to update "
                    + "leases.coordination.k8s.io viridian in namespace blog: the object has been modified); to see which: "
                    + "kubectl -n blog get leases.coordination.k8s.io viridian -o yaml --show-managed-fields")
        }
    }

    @Test("counts are clamped to the API's range")
    func counts() throws {
        let values: [(String, Int?)] = [
            ("3", 3), ("-1", 0), ("9223372036854775807", 2_147_483_647), ("-9223372036854775808", 0),
            ("9223372036854775808", nil), ("1.0", 1), ("1.5", nil), ("1e300", nil), ("\"3\"", nil), ("null", nil),
        ]
        for (text, count) in values { #expect(try JSON(parsing: text).count == count, "\(text)") }
    }

    @Test(
        "waits that a server asks for are at most a day", arguments: ["Fri, 31 Dec 9999 23:59:59 GMT", "99999999999"])
    func retryAfter(text: String) {
        let headers: HTTPConnection.Headers = ["Retry-After": text]
        #expect((headers.retryAfter ?? .zero) == .seconds(86_400))
    }
}
