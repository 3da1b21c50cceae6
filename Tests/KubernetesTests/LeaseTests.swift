import Foundation
import Kubernetes
import Testing

@Suite("leases and times")
struct LeaseTests {
    private let lease: JSON = [
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": [
            "name": "viridian", "namespace": "blog", "resourceVersion": "12", "labels": ["team": "web"],
            "annotations": ["viridian.dev/live-color": "blue"],
        ],
        "spec": [
            "holderIdentity": "host-1", "leaseDurationSeconds": 15, "acquireTime": "2015-10-25T14:34:03.000000Z",
            "renewTime": "2015-10-25T14:34:33.123456Z", "leaseTransitions": 4, "strategy": "OldestEmulationVersion",
        ],
    ]

    @Test("a lease that is read and written back is unchanged, unknown fields included")
    func roundTrip() throws {
        let record = try LeaseRecord(lease)
        #expect(record.holderIdentity == "host-1")
        #expect(record.leaseDurationSeconds == 15)
        #expect(record.leaseTransitions == 4)
        #expect(record.annotations == ["viridian.dev/live-color": "blue"])
        #expect(record.object == lease)
    }

    @Test("releasing a lease removes the holder and keeps the rest")
    func release() throws {
        var record = try LeaseRecord(lease)
        record.holderIdentity = nil
        record.annotations["viridian.dev/release"] = "42"
        #expect(record.object["spec"]?["holderIdentity"] == nil)
        #expect(record.object["spec"]?["strategy"] == "OldestEmulationVersion")
        #expect(
            record.object["metadata"]?["annotations"]
                == ["viridian.dev/live-color": "blue", "viridian.dev/release": "42"])
        #expect(record.object["metadata"]?["labels"] == ["team": "web"])
    }

    @Test("a lease is held until its duration after the last renewal")
    func expiry() throws {
        var record = try LeaseRecord(lease)
        let renewed = try #require(KubernetesTime.parse("2015-10-25T14:34:33.123456Z"))
        #expect(record.isHeld(at: renewed.addingTimeInterval(14.9)))
        #expect(!record.isHeld(at: renewed.addingTimeInterval(15.1)))
        record.renewTime = nil
        record.acquireTime = nil
        #expect(record.isHeld(at: .distantFuture))
        record.holderIdentity = ""
        #expect(!record.isHeld(at: renewed))
    }

    @Test("a lease with an unreadable field is an error that names it")
    func malformed() {
        var broken = lease
        broken[at: "spec.renewTime"] = "yesterday"
        let error = #expect(throws: LeaseRecord.Malformed.self) { try LeaseRecord(broken) }
        #expect(
            error?.description
                == "the lease viridian has an unreadable spec.renewTime: correct or delete the lease")
    }

    @Test("a new lease has the fields that the API requires")
    func fresh() {
        #expect(
            LeaseRecord(name: "viridian", namespace: "blog").object == [
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": ["name": "viridian", "namespace": "blog"], "spec": ["leaseTransitions": 0],
            ])
    }

    @Test(
        "times are read with any fraction and offset",
        arguments: [
            ("2015-10-25T14:34:03Z", "2015-10-25T14:34:03.000000Z"),
            ("2015-10-25T16:34:03.5+02:00", "2015-10-25T14:34:03.500000Z"),
            ("2016-02-29T23:59:59.123456789-00:30", "2016-03-01T00:29:59.123456Z"),
            ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.250000Z"),
            ("2100-03-01T00:00:00Z", "2100-03-01T00:00:00.000000Z"),
        ])
    func times(text: String, normal: String) throws {
        #expect(KubernetesTime.microTime(try #require(KubernetesTime.parse(text))) == normal)
    }

    @Test(
        "invalid times are nil",
        arguments: [
            "", "2015-10-25", "2015-13-25T14:34:03Z", "2015-10-25T14:34:03", "2015-10-25T25:34:03Z",
            "x2015-10-25T14:34:03Z",
        ])
    func noTimes(text: String) { #expect(KubernetesTime.parse(text) == nil) }

    @Test("every microsecond survives writing and reading", arguments: 0..<200)
    func microseconds(step: Int) throws {
        let text = "2026-07-0\(step % 9 + 1)T12:00:\(10 + step % 50).\(String(100_000 + step * 4_493 % 900_000))Z"
        #expect(KubernetesTime.microTime(try #require(KubernetesTime.parse(text))) == text)
        #expect(KubernetesTime.time(try #require(KubernetesTime.parse(text))) == text.prefix(19) + "Z")
    }
}
