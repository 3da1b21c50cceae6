import Foundation
import Kubernetes
import Processes
import Testing

@testable import Sandbox

@Suite("watches and faults", .serialized)
struct WatchTests {
    @Test("a watch continues from a version, with bookmarks, and reports objects that leave a selector as deleted")
    func resume() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("create", "configmap", "one", "-n", "blog")
            let start =
                try await cluster.call("/api/v1/namespaces/blog/configmaps").body[at: "metadata.resourceVersion"]?
                .string ?? ""
            try await kubectl("label", "configmap", "one", "-n", "blog", "color=blue")
            try await kubectl("label", "configmap", "one", "-n", "blog", "color=green", "--overwrite")
            let path =
                "/api/v1/namespaces/blog/configmaps?watch=1&allowWatchBookmarks=true&labelSelector=color%3Dblue&timeoutSeconds=1&resourceVersion=\(start)"
            let done = try await cluster.curl(path, "--no-buffer").run(deadline: .seconds(600))
            let events = try done.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
            #expect(events.prefix(2).map { $0["type"]?.string } == ["ADDED", "DELETED"])
            #expect(events.dropFirst(2).contains { $0["type"] == "BOOKMARK" })
        }
    }

    @Test("an expired watch is reported, and so is one that starts before the known history")
    func expiry() async throws {
        try await withSandbox { cluster, kubectl in
            let watching = cluster.curl("/api/v1/namespaces/blog/pods?watch=1", "--no-buffer")
            async let lines = watching.run(deadline: .seconds(600)).output
            _ = try await cluster.store.waitForWatch(.pods)
            await cluster.faults.expireWatches(of: "pods")
            let event = try JSON(parsing: try await lines)
            #expect(event["type"] == "ERROR")
            #expect(event[at: "object.code"] == 410)
            let path = "/api/v1/namespaces/blog/pods?watch=1&timeoutSeconds=1&resourceVersion=1"
            let again = try JSON(parsing: try await cluster.curl(path).run().output)
            #expect(again[at: "object.reason"] == "Expired")
        }
    }

    @Test("a fault closes open watches, and a watch ends when its client disconnects")
    func closing() async throws {
        try await withSandbox { cluster, kubectl in
            let watching = cluster.curl("/api/v1/pods?watch=1", "--no-buffer")
            async let ended = watching.run(deadline: .seconds(600))
            _ = try await cluster.store.waitForWatch(.pods)
            await cluster.faults.closeWatches()
            #expect(try await ended.succeeded)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await watching.run() }
                _ = try await cluster.store.waitForWatch(.pods)
                group.cancelAll()
            }
            let limit = ContinuousClock.now + .seconds(600)
            while await cluster.faults.openWatches > 0 {
                try #require(ContinuousClock.now < limit)
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    @Test("requests are delayed, dropped and refused as often as a fault requests")
    func requests() async throws {
        try await withSandbox { cluster, kubectl in
            let pods = "/api/v1/namespaces/blog/pods"
            cluster.faults.inject(
                .refuse(status: 503, reason: "ServiceUnavailable", message: "busy"),
                on: .init(verbs: ["list"], resource: "pods"), count: 1)
            let refused = try await cluster.call(pods)
            #expect(refused.code == 503 && refused.body["message"] == "busy")
            #expect(try await cluster.call(pods).code == 200)
            cluster.faults.inject(.drop, on: .init(resource: "pods"), count: 1)
            #expect(try await cluster.call(pods).code == 0)
            cluster.faults.inject(.delay(.milliseconds(300)), on: .init(resource: "pods"), count: 1)
            let started = ContinuousClock.now
            #expect(try await cluster.call(pods).code == 200)
            #expect(ContinuousClock.now - started >= .milliseconds(300))
            cluster.faults.deny(.init(verbs: ["list"], resource: "pods"))
            #expect(try await cluster.call(pods).code == 403)
            cluster.faults.clear()
            #expect(try await cluster.call(pods).code == 200)
            #expect(cluster.faults.hits == 3)
        }
    }

    @Test("a write with an old version is a conflict")
    func conflicts() async throws {
        try await withSandbox { cluster, kubectl in
            let all = "/api/v1/namespaces/blog/configmaps"
            let old = try await cluster.call(all, "-d", #"{"metadata":{"name":"one"},"data":{"a":"1"}}"#).body
            let merge = ["-H", "Content-Type: application/merge-patch+json", "-d", #"{"data":{"a":"2"}}"#]
            #expect(try await cluster.call(all + "/one", ["-X", "PATCH"] + merge).code == 200)
            let answer = try await cluster.call(all + "/one", "-X", "PUT", "-d", old.text)
            #expect(answer.code == 409)
            #expect(answer.body["reason"] == "Conflict")
            #expect(
                answer.body["message"]
                    == "Operation cannot be fulfilled on configmaps \"one\": the object has been modified; please apply your changes to the latest version and try again"
            )
        }
    }

    @Test("a whole collection is deleted by label, with preconditions, and never with the wrong ones")
    func deletions() async throws {
        try await withSandbox { cluster, kubectl in
            let all = "/api/v1/namespaces/blog/configmaps"
            for name in ["one", "two", "three"] {
                let color = name == "three" ? "green" : "blue"
                let object = #"{"metadata":{"name":"\#(name)","labels":{"color":"\#(color)"}}}"#
                let created = try await cluster.call(all, "-d", object)
                #expect(created.code == 201)
            }
            let wrong = #"{"preconditions":{"uid":"another"}}"#
            #expect(try await cluster.call(all + "/one", "-X", "DELETE", "-d", wrong).code == 409)
            #expect(try await cluster.call(all + "?labelSelector=color%3Dblue", "-X", "DELETE").code == 200)
            #expect(await cluster.store.list(.configMaps).map(\.meta.name) == ["three"])
            #expect(
                try await cluster.call(all + "/three", "-X", "DELETE", "-d", #"{"propagationPolicy":"Sideways"}"#).code
                    == 400)
            #expect(try await cluster.call(all + "/three", "-X", "DELETE").body["status"] == "Success")
            #expect(try await cluster.call(all + "/three").code == 404)
            let nonsense = try await cluster.call("/apis/apps/v1/nonsense")
            #expect(nonsense.code == 404, "\(nonsense)")
            #expect(try await cluster.call(all, "-d", "{not json").code == 400)
            #expect(try await cluster.call(all, "-X", "PUT", "-d", "{}").code == 405)
            #expect(try await cluster.call(all + "?labelSelector=a%20b").code == 400)
        }
    }

    @Test("a response takes less than five milliseconds, alone on the machine", .enabled(if: isMeasuring))
    func speed() async throws {
        try await withSandbox { cluster, kubectl in
            for number in 0..<20 {
                _ = try await cluster.store.perform {
                    try $0.create(
                        .configMaps, ["metadata": ["name": "c\(number)", "namespace": "blog"], "data": ["a": "b"]])
                }
            }
            let all = "/api/v1/namespaces/blog/configmaps"
            let done = try await cluster.curl(
                "\(all)/c0",
                ["--write-out", "%{stderr}%{time_total}\n", "--output", "/dev/null"]
                    + (1..<50).flatMap { ["\(cluster.server)\(all)/c\($0 % 20)", "--output", "/dev/null"] }
            ).run()
            let times = done.error.split(separator: "\n").compactMap { Double($0) }.sorted()
            #expect(times.count == 50)
            let median = times[times.count / 2]
            print("API: \(median * 1000) ms")
            #expect(median < 0.005, "\(times)")
        }
    }
}
