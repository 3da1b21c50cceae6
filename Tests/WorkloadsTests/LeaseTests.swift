import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing

@testable import Workloads

@Suite("The app's lease in a real API")
struct LeaseTests {
    @Test("it is acquired, renewed, released, and acquired by the next holder")
    func lifecycle() async throws {
        try await TestCluster.run { cluster in
            let (anna, ben) = (cluster.lease(.named("ci-1")), cluster.lease(.named("ci-2")))
            #expect(try await anna.annotations() == [:])
            #expect(try await anna.acquire() == LeaseTerm(lastRelease: 0, duration: .seconds(12)))
            let held = await words { try await ben.acquire() }
            #expect(held == "a release of blog is running: deploy@ci-1 (process 4711) holds the lease")
            try await anna.renew()
            try await anna.annotate(["viridian.dev/last-release": "41"])
            await anna.release()
            #expect(try await ben.acquire().lastRelease == 41)
            let lease = try LeaseRecord(try await cluster.client.get(.leases, "viridian"))
            #expect(lease.holderIdentity == "deploy@ci-2:4711:1:b")
            #expect(lease.leaseDurationSeconds == 12)
            #expect(lease.leaseTransitions == 1)
            #expect(
                await words { try await anna.renew() }
                    == "the lease was taken over by deploy@ci-2 (process 4711): this process has stopped")
            await ben.release()
            #expect(
                await words { try await ben.renew() } == "this process no longer holds the lease and has stopped")
            #expect(try await anna.annotations() == ["viridian.dev/last-release": "41"])
        }
    }

    @Test(
        "an annotation that is not a release number is reported with the fix, and the lease is acquired all the same",
        arguments: ["9223372036854775807", "9223372036854775808", "4611686018427387904", "4503599627370496", "-1", "x"])
    func noNumber(_ text: String) async throws {
        try await TestCluster.run { cluster in
            let lease = cluster.lease(.named("ci-1"))
            _ = try await lease.acquire()
            try await lease.annotate(["viridian.dev/last-release": text, "viridian.dev/release": "7"])
            await lease.release()
            let term = try await lease.acquire()
            #expect(term.lastRelease == 7)
            #expect(
                term.unreadable?.message
                    == "lease blog/viridian has viridian.dev/last-release=\(text), which is not a release number of blog"
            )
            #expect(
                term.unreadable?.details == [
                    "to fix: kubectl -n blog annotate lease viridian --overwrite viridian.dev/last-release=N, "
                        + "where N is the highest number of `viridian releases blog`"
                ])
        }
    }

    @Test("of two that acquire it at the same moment one succeeds, twenty times", arguments: [false, true])
    func race(_ isOneProcess: Bool) async throws {
        try await TestCluster.run { cluster in
            for _ in 1...20 {
                let holders = isOneProcess ? [LeaseHolder.current(), .current()] : [.named("ci-1"), .named("ci-2")]
                let finalizers = holders.map { cluster.lease($0) }
                let winners = await withTaskGroup(of: AppLease?.self) { group in
                    for keeper in finalizers {
                        group.addTask {
                            do {
                                _ = try await keeper.acquire()
                                return keeper
                            } catch {
                                #expect(error is LeaseHeld, "\(error)")
                                return nil
                            }
                        }
                    }
                    return await group.reduce(into: [AppLease]()) { if let winner = $1 { $0.append(winner) } }
                }
                try #require(winners.count == 1)
                try await winners[0].renew()
                await winners[0].release()
            }
        }
    }

    @Test("a dead holder of this machine loses it at once")
    func deadHolder() async throws {
        try await TestCluster.run { cluster in
            var ghost = LeaseHolder.current()
            ghost.process = 4_194_305
            _ = try await cluster.lease(ghost).acquire()
            _ = try await cluster.lease(.current()).acquire()
        }
    }

    @Test("a holder of another machine keeps it until it expires, and then finds it lost")
    func expiry() async throws {
        try await TestCluster.run { cluster in
            let start = Date()
            let ghost = cluster.lease(.named("ci-9")) { start }
            _ = try await ghost.acquire()
            await #expect(throws: LeaseHeld.self) { try await cluster.lease(.current()) { start + 11 }.acquire() }
            _ = try await cluster.lease(.current()) { start + 12.1 }.acquire()
            await #expect(throws: LeaseLost.self) { try await ghost.renew() }
        }
    }

    @Test("two releases of one process are different holders")
    func sameProcess() async throws {
        try await TestCluster.run { cluster in
            let earlier = cluster.lease(.current())
            _ = try await earlier.acquire()
            await #expect(throws: LeaseHeld.self) { try await earlier.acquire() }
            let later = cluster.lease(.current()) { Date() + 16 }
            _ = try await later.acquire()
            await #expect(throws: LeaseLost.self) { try await earlier.annotate(["viridian.dev/live-color": "green"]) }
            try await later.renew()
        }
    }

    @Test("another client's label on the lease does not lose it, its deletion does")
    func changedByOthers() async throws {
        try await TestCluster.run { cluster in
            let keeper = cluster.lease(.current())
            _ = try await keeper.acquire()
            _ = try await cluster.client.patch(
                .leases, "viridian", .merge(["metadata": ["labels": ["team": "web"]]], resourceVersion: nil))
            try await keeper.annotate(["viridian.dev/release": "7"])
            let lease = try await cluster.client.get(.leases, "viridian")
            #expect(lease[at: "metadata.labels"] == ["team": "web"])
            #expect(lease[at: "metadata.annotations"] == ["viridian.dev/release": "7"])
            _ = try await cluster.client.delete(.leases, "viridian")
            #expect(
                await words { try await keeper.renew() }
                    == "this process no longer holds the lease and has stopped")
        }
    }

    @Test("an API that does not answer is an error, not a lost lease")
    func faults() async throws {
        try await TestCluster.run { cluster in
            let keeper = cluster.lease(.current())
            _ = try await keeper.acquire()
            let refusal = FaultAction.refuse(status: 500, reason: "InternalError", message: "etcd is away")
            cluster.sandbox.faults.inject(refusal, on: RequestMatcher(resource: "leases"))
            let error = await #expect(throws: KubernetesError.self) { try await keeper.renew() }
            #expect(error?.status == 500)
            cluster.sandbox.faults.clear()
            try await keeper.renew()
        }
    }

    @Test("a missing namespace is named, with the fix")
    func noNamespace() async throws {
        try await TestCluster.run { cluster in
            let keeper = AppLease(client: cluster.client, app: "blog", namespace: "shop", holder: .current())
            #expect(
                await words { try await keeper.acquire() }
                    == "namespace shop does not exist in the cluster\nto fix: kubectl create namespace shop")
        }
    }

    @Test("the live colour and the highest release number are recorded in the cluster")
    func record() async throws {
        try await TestCluster.run { cluster in
            let app = cluster.cluster()
            #expect(try await app.acquireLease().lastRelease == 0)
            try await app.note(release: 7)
            try await app.recordLive(LiveVersion(color: .green, version: Blog.version), by: Blog.order(7))
            try await app.note(release: 8)
            await app.releaseLease()
            #expect(try await cluster.cluster().acquireLease().lastRelease == 8)
            let survey = try await cluster.cluster().survey()
            #expect(survey.recorded == LiveVersion(color: .green, version: Blog.version))
            #expect(survey.recordedBy == 7)
            #expect(survey.workloads == [:])
            await #expect(throws: LeaseLost.self) { try await cluster.cluster(.named("ci-2")).note(release: 9) }
        }
    }

    // MARK: The journal's end

    private static let at = Timestamp(milliseconds: 1_795_763_703_120)

    private func end(_ sequence: Int, of release: Int = 42) -> JournalEnd {
        JournalEnd(release: release, sequence: sequence, at: Self.at)
    }

    private func journal(_ cluster: TestCluster) async throws -> String? {
        try LeaseRecord(try await cluster.client.get(.leases, "viridian")).annotations["viridian.dev/journal"]
    }

    @Test("what the journal has acknowledged goes with every write, and the next holder reads it")
    func journalEnd() async throws {
        try await TestCluster.run { cluster in
            let anna = cluster.cluster(.named("ci-1"))
            #expect(try await anna.acquireLease().journal == nil)
            await anna.journalHas(end(1))
            try await anna.note(release: 42)
            #expect(try await journal(cluster) == "42/1@2026-11-27T07:15:03.120Z")
            await anna.journalHas(end(7))
            // No call of its own.
            #expect(try await journal(cluster) == "42/1@2026-11-27T07:15:03.120Z")
            try await anna.renewLease()
            #expect(try await journal(cluster)?.hasPrefix("42/7@") == true)
            await anna.journalHas(end(9))
            try await anna.recordLive(LiveVersion(color: .green, version: Blog.version), by: Blog.order(42))
            #expect(try await journal(cluster)?.hasPrefix("42/9@") == true)
            await anna.journalHas(end(23))
            await anna.releaseLease()
            let ben = cluster.cluster(.named("ci-2"))
            #expect(try await ben.acquireLease().journal == end(23))
            // Whoever has not read the journal leaves it as it is; what somebody has accepted may be less.
            try await ben.renewLease()
            #expect(try await journal(cluster)?.hasPrefix("42/23@") == true)
            await ben.journalHas(end(18))
            try await ben.recordJournal()
            #expect(try await journal(cluster)?.hasPrefix("42/18@") == true)
            #expect(try await ben.survey().recordedBy == 42)
        }
    }

    @Test("it is written at once where that is asked for, by twenty at the same time in one write")
    func recordJournal() async throws {
        try await TestCluster.run { cluster in
            let lease = cluster.lease(.current())
            _ = try await lease.acquire()
            await lease.journalHas(end(23))
            func version() async throws -> String? {
                try LeaseRecord(try await cluster.client.get(.leases, "viridian")).resourceVersion
            }
            let before = try await version()
            let other = RequestMatcher(verbs: ["update"], resource: "leases")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...20 { group.addTask { try await lease.recordJournal() } }
                try await group.waitForAll()
            }
            let written = try await version()
            #expect(written != before)
            #expect(try await journal(cluster)?.hasPrefix("42/23@") == true)
            // It stands there: not even an API that fails is asked.
            cluster.sandbox.faults.inject(
                .refuse(status: 500, reason: "InternalError", message: "etcd is away"), on: other)
            try await lease.recordJournal()
            await lease.journalHas(end(24))
            await #expect(throws: KubernetesError.self) { try await lease.recordJournal() }
            cluster.sandbox.faults.clear()
            try await lease.recordJournal()
            #expect(try await journal(cluster)?.hasPrefix("42/24@") == true)
            await lease.release()
            await #expect(throws: LeaseLost.self) {
                await lease.journalHas(end(25))
                try await lease.recordJournal()
            }
        }
    }

    @Test("renewals and other writes at the same time do not conflict with each other")
    func together() async throws {
        try await TestCluster.run { cluster in
            // A conflict would be waited for.
            let client = KubernetesClient(cluster.client.access, pause: { _ in throw CancellationError() })
            let lease = AppLease(client: client, app: "blog", namespace: "blog", holder: .current())
            _ = try await lease.acquire()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...10 {
                    group.addTask { try await lease.renew() }
                    group.addTask { try await lease.annotate(["viridian.dev/last-release": "\(number)"]) }
                    group.addTask {
                        await lease.journalHas(end(number))
                        try await lease.recordJournal()
                    }
                }
                try await group.waitForAll()
            }
            await client.shutdown()
        }
    }

    @Test(
        "a text that is no event is reported with the fix, and the lease is acquired all the same",
        arguments: [
            "42", "42/", "42/23", "42/23@", "42/23@yesterday", "0/1@2026-11-27T07:15:03.120Z",
            "-1/-1@2026-11-27T07:15:03.120Z",
            "42/23/24@2026-11-27T07:15:03.120Z", "99999999999999999999/1@2026-11-27T07:15:03.120Z", "",
            String(repeating: "9", count: 500),
        ])
    func noEvent(_ text: String) async throws {
        try await TestCluster.run { cluster in
            let lease = cluster.lease(.named("ci-1"))
            _ = try await lease.acquire()
            try await lease.annotate(["viridian.dev/journal": text, "viridian.dev/last-release": "7"])
            await lease.release()
            let term = try await lease.acquire()
            #expect(term.lastRelease == 7 && term.journal == nil)
            let message = try #require(term.unreadable?.message)
            #expect(message.hasPrefix("lease blog/viridian has viridian.dev/journal=\(text.prefix(20))"), "\(message)")
            #expect(message.utf8.count < 200)
            #expect(
                term.unreadable?.details.first?.hasPrefix(
                    "to fix: kubectl -n blog annotate lease viridian viridian.dev/journal-.") == true)
            // A release that is finished writes it again.
            await lease.journalHas(end(3))
            try await lease.renew()
            await lease.release()
            #expect(try await lease.acquire().unreadable == nil)
        }
    }

    @Test("a lease whose every write conflicts is an error after a limited number of retries")
    func contested() async throws {
        try await TestCluster.run { cluster in
            let first = cluster.lease(.named("ci-1"))
            _ = try await first.acquire()
            await first.release()
            cluster.sandbox.faults.inject(
                .refuse(status: 409, reason: "Conflict", message: "the object has been modified"),
                on: RequestMatcher(verbs: ["update"], resource: "leases"))
            // Without the waits, which another test covers.
            let client = KubernetesClient(cluster.client.access, pause: { _ in })
            let keeper = AppLease(client: client, app: "blog", namespace: "blog", holder: .named("ci-2"))
            let said = await words { _ = try await keeper.acquire() }
            #expect(
                said?.hasPrefix("leases.coordination.k8s.io viridian in namespace blog was changed by another client")
                    == true)
            cluster.sandbox.faults.clear()
            _ = try await keeper.acquire()
            cluster.sandbox.faults.inject(
                .refuse(status: 409, reason: "Conflict", message: "the object has been modified"),
                on: RequestMatcher(verbs: ["update"], resource: "leases"))
            let again = await words { try await keeper.renew() }
            #expect(again?.contains("in each of 10 attempts") == true)
            cluster.sandbox.faults.clear()
            try await keeper.renew()
            await client.shutdown()
        }
    }
}
