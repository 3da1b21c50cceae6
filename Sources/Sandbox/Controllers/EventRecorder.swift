import Foundation
import Kubernetes

/// Records events about objects. A repeated event increments the count.
struct EventRecorder: Sendable {
    enum Level: String, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    let store: ObjectStore

    /// Records an event about an object; `field` is the part of it: `spec.containers{blog}`.
    func record(
        _ object: JSON, _ type: ResourceType, _ level: Level, _ reason: String, _ message: String, component: String,
        field: String? = nil
    ) async {
        let namespace = object.meta.namespace.isEmpty ? "default" : object.meta.namespace
        let identity = [object.meta.uid, level.rawValue, reason, message, component, field ?? ""].joined(
            separator: "\n")
        let key = ObjectKey(namespace: namespace, name: "\(object.meta.name).\(Fingerprint.hex(identity))")
        var involved: JSON = [
            "kind": .string(type.kind), "apiVersion": .string(type.groupVersion), "name": .string(object.meta.name),
            "uid": .string(object.meta.uid), "resourceVersion": .string(object.meta.resourceVersion),
        ]
        if type.isNamespaced { involved["namespace"] = .string(object.meta.namespace) }
        if let field { involved["fieldPath"] = .string(field) }
        let event: JSON = [
            "metadata": ["name": .string(key.name), "namespace": .string(namespace)],
            "involvedObject": involved, "type": .string(level.rawValue), "reason": .string(reason),
            "message": .string(message), "count": 1, "firstTimestamp": APITime.now(),
            "lastTimestamp": APITime.now(),
            "source": ["component": .string(component)], "reportingComponent": .string(component),
            "reportingInstance": "", "eventTime": .null,
        ]
        // An event that cannot be stored, as in a terminating namespace, is dropped.
        await store.perform { objects in
            guard let before = objects.find(.events, key) else {
                _ = try? objects.create(.events, event)
                return
            }
            _ = try? objects.update(.events, key) { _ in
                var again = before
                again["count"] = .int((before["count"]?.count ?? 1) + 1)
                again["lastTimestamp"] = APITime.now()
                return again
            }
        }
    }
}

/// Short stable hashes (FNV-1a, 64 bit), for reproducible names.
enum Fingerprint {
    static func value(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    static func hex(_ text: String) -> String { String(value(text), radix: 16) }

    /// What looks like a digest of OCI, for texts that have none of their own: 64 digits, of which the first already differ.
    static func digest(_ text: String) -> String {
        let words = (0..<4).map { part in
            // The end of splitmix64: FNV-1a lets the last characters of a text change a few digits only.
            var word = value("\(part)\(text)")
            word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            word ^= word >> 31
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "sha256:" + words.joined()
    }
}
