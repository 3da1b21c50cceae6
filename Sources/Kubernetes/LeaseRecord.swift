import Foundation

/// A `coordination.k8s.io/v1` Lease. Fields that are not listed here are preserved.
package struct LeaseRecord: Sendable, Hashable {
    package var name: String
    package var namespace: String
    /// The holder; nil or empty: none.
    package var holderIdentity: String?
    package var leaseDurationSeconds: Int?
    package var acquireTime: Date?
    package var renewTime: Date?
    package var leaseTransitions: Int
    package var annotations: [String: String]
    /// The version that was read. Replacing the lease fails with a conflict if it has changed since.
    package var resourceVersion: String?
    private var original: JSON

    package init(name: String, namespace: String) {
        self.name = name
        self.namespace = namespace
        leaseTransitions = 0
        annotations = [:]
        original = ["apiVersion": "coordination.k8s.io/v1", "kind": "Lease"]
    }

    /// - Throws: `LeaseRecord.Malformed` when a field has a value that the API does not allow.
    package init(_ object: JSON) throws(Malformed) {
        guard let name = object["metadata"]?["name"]?.string else {
            throw Malformed(lease: "?", field: "metadata.name")
        }
        func field<Value>(_ key: String, _ read: (JSON) -> Value?) throws(Malformed) -> Value? {
            guard let value = object["spec"]?[key], !value.isNull else { return nil }
            guard let result = read(value) else { throw Malformed(lease: name, field: "spec.\(key)") }
            return result
        }
        let time = { (value: JSON) in value.string.flatMap(KubernetesTime.parse) }
        self.name = name
        namespace = object["metadata"]?["namespace"]?.string ?? ""
        resourceVersion = object["metadata"]?["resourceVersion"]?.string
        annotations = (object["metadata"]?["annotations"]?.object ?? [:]).compactMapValues(\.string)
        holderIdentity = try field("holderIdentity", \.string)
        leaseDurationSeconds = try field("leaseDurationSeconds", \.integer)
        acquireTime = try field("acquireTime", time)
        renewTime = try field("renewTime", time)
        leaseTransitions = try field("leaseTransitions", \.integer) ?? 0
        original = object
    }

    package struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        package var lease: String
        package var field: String

        package var description: String { "the lease \(lease) has an unreadable \(field): correct or delete the lease" }
    }

    /// The object for creating or replacing the lease.
    package var object: JSON {
        var object = original
        object[at: "metadata.name"] = .string(name)
        object[at: "metadata.namespace"] = namespace.isEmpty ? Optional.none : .string(namespace)
        object[at: "metadata.resourceVersion"] = resourceVersion.map(JSON.string)
        object[at: "metadata.annotations"] =
            annotations.isEmpty ? Optional.none : .object(annotations.mapValues(JSON.string))
        object[at: "spec.holderIdentity"] = holderIdentity.map(JSON.string)
        object[at: "spec.leaseDurationSeconds"] = leaseDurationSeconds.map { .integer(Int64($0)) }
        object[at: "spec.acquireTime"] = acquireTime.map { .string(KubernetesTime.microTime($0)) }
        object[at: "spec.renewTime"] = renewTime.map { .string(KubernetesTime.microTime($0)) }
        object[at: "spec.leaseTransitions"] = .integer(Int64(leaseTransitions))
        return object
    }

    /// Whether the lease is held at `now`. Without a renewal or acquisition time, or without a duration, it does not expire.
    package func isHeld(at now: Date) -> Bool {
        guard let holderIdentity, !holderIdentity.isEmpty else { return false }
        guard let renewTime = renewTime ?? acquireTime, let leaseDurationSeconds else { return true }
        return now < renewTime.addingTimeInterval(Double(leaseDurationSeconds))
    }

    /// After which time the lease ends without a renewal; `nil`: never.
    package func timeLeft(at now: Date) -> Duration? {
        guard let renewTime = renewTime ?? acquireTime, let leaseDurationSeconds else { return nil }
        let end = renewTime.addingTimeInterval(Double(leaseDurationSeconds))
        return .milliseconds(Int64((end.timeIntervalSince(now) * 1000).rounded(.up)))
    }
}
