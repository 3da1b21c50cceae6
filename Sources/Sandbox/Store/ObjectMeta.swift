import Foundation
import Kubernetes

/// The metadata of an object, with defaults for missing fields.
struct ObjectMeta {
    let object: JSON

    private var metadata: JSON? { object["metadata"] }

    var name: String { metadata?["name"]?.string ?? "" }
    var namespace: String { metadata?["namespace"]?.string ?? "" }
    var uid: String { metadata?["uid"]?.string ?? "" }
    var resourceVersion: String { metadata?["resourceVersion"]?.string ?? "" }
    var revision: Int { Int(resourceVersion) ?? 0 }
    var generation: Int { metadata?["generation"]?.integer ?? 0 }
    var labels: [String: String] { (metadata?["labels"]?.object ?? [:]).compactMapValues(\.string) }
    var annotations: [String: String] { (metadata?["annotations"]?.object ?? [:]).compactMapValues(\.string) }
    var finalizers: [String] { (metadata?["finalizers"]?.array ?? []).compactMap(\.string) }
    var ownerReferences: [JSON] { metadata?["ownerReferences"]?.array ?? [] }
    var isDeleting: Bool { metadata?["deletionTimestamp"]?.string != nil }
    var created: Date { metadata?["creationTimestamp"]?.string.flatMap(APITime.parse) ?? .distantPast }
    var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }

    /// The owner that controls the object.
    var controller: JSON? { ownerReferences.first { $0["controller"]?.bool == true } }
}

/// The key of an object in its collection. Cluster-scoped objects have an empty namespace.
struct ObjectKey: Hashable, Sendable, Comparable {
    var namespace: String
    var name: String

    static func < (left: Self, right: Self) -> Bool {
        (left.namespace, left.name) < (right.namespace, right.name)
    }
}

extension JSON {
    var meta: ObjectMeta { ObjectMeta(object: self) }

    static func int(_ value: Int) -> JSON { .integer(Int64(value)) }

    static func strings(_ values: [String: String]) -> JSON { .object(values.mapValues { .string($0) }) }

    /// An entry of `ownerReferences` for objects that this object controls.
    func controllerReference(_ type: ResourceType) -> JSON {
        [
            "apiVersion": .string(type.groupVersion), "kind": .string(type.kind), "name": .string(meta.name),
            "uid": .string(meta.uid), "controller": true, "blockOwnerDeletion": true,
        ]
    }
}

/// Times of the API: RFC 3339 in UTC, in whole seconds.
enum APITime {
    static func now() -> JSON { text(Date()) }

    static func text(_ date: Date) -> JSON { .string(date.ISO8601Format()) }

    static func parse(_ text: String) -> Date? {
        if let date = try? Date(text, strategy: .iso8601) { return date }
        return try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
