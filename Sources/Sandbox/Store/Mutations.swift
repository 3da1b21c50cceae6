import Foundation
import Kubernetes

/// Creation and modification of objects, with the API's rules.
extension Objects {
    /// The part of an object that a change applies to.
    enum Part: Sendable {
        case object
        case status
    }

    /// Stores a new object.
    ///
    /// - Throws: ``StatusError`` with the API server's response.
    mutating func create(_ type: ResourceType, _ object: JSON, dryRun: Bool = false) throws -> JSON {
        var object = object
        object["apiVersion"] = .string(type.groupVersion)
        object["kind"] = .string(type.kind)
        if !type.isNamespaced, object["metadata"]?["namespace"] != nil { object[at: "metadata.namespace"] = nil }
        if object.meta.name.isEmpty, let prefix = object["metadata"]?["generateName"]?.string {
            object[at: "metadata.name"] = .string(uniqueName(type, prefix, namespace: object.meta.namespace))
        }
        guard object["metadata"]?["resourceVersion"]?.string ?? "" == "" else {
            throw StatusError.badRequest("resourceVersion should not be set on objects to be created")
        }
        let key = object.meta.key
        if type.isNamespaced { try checkNamespace(key.namespace, for: type, key.name) }
        guard find(type, key) == nil || key.name.isEmpty else { throw StatusError.alreadyExists(type, key.name) }

        if type.hasStatus { object["status"] = nil }
        Defaults.apply(type, &object)
        let problems = Validation.problems(type, object)
        guard problems.isEmpty else { throw StatusError.invalid(type, key.name, problems) }
        if type == .services { try allocate(&object, replacing: nil) }
        if type == .pods { try checkQuota(namespace: key.namespace, name: key.name) }

        object[at: "metadata.uid"] = .string(UUID().uuidString.lowercased())
        object[at: "metadata.creationTimestamp"] = APITime.now()
        object[at: "metadata.deletionTimestamp"] = nil
        object[at: "metadata.deletionGracePeriodSeconds"] = nil
        if type.hasGeneration { object[at: "metadata.generation"] = 1 }
        if type.hasStatus { object["status"] = Defaults.status(type, object) }
        guard !dryRun else { return object }
        let stored = put(type, object)
        collectIfOrphaned(type, stored)
        return stored
    }

    /// Changes an object. A change without effect keeps the resource version.
    ///
    /// If the result of `change` has a `resourceVersion` other than the current one, it is a conflict.
    mutating func update(
        _ type: ResourceType, _ key: ObjectKey, _ part: Part = .object, dryRun: Bool = false,
        change: (JSON) throws -> JSON
    ) throws -> JSON {
        let current = try get(type, key)
        var object = try change(current)
        let claimed = object.meta.resourceVersion
        if !claimed.isEmpty, claimed != current.meta.resourceVersion { throw StatusError.conflict(type, key.name) }
        let uid = object.meta.uid
        if !uid.isEmpty, uid != current.meta.uid {
            throw StatusError.conflict(
                type, key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(current.meta.uid)")
        }
        guard object.meta.name == key.name else {
            throw StatusError.badRequest(
                "the name of the object (\(object.meta.name)) does not match the name on the URL (\(key.name))")
        }
        keepSystemFields(type, of: current, in: &object)
        switch part {
        case .status:
            var changed = current
            changed["status"] = object["status"]
            object = changed
        case .object:
            if type.hasStatus { object["status"] = current["status"] }
            Defaults.apply(type, &object)
            let problems =
                Validation.problems(type, object) + Validation.problems(type, changing: current, to: object)
            guard problems.isEmpty else { throw StatusError.invalid(type, key.name, problems) }
            if type == .services { try allocate(&object, replacing: current) }
            if type.hasGeneration, object["spec"] != current["spec"] {
                object[at: "metadata.generation"] = .int(current.meta.generation + 1)
            }
        }
        guard object != current else { return current }
        guard !dryRun else { return object }
        let stored = put(type, object)
        let isUnderGrace = type == .pods && stored[at: "metadata.deletionGracePeriodSeconds"]?.integer ?? 0 > 0
        if stored.meta.isDeleting, stored.meta.finalizers.isEmpty, !isUnderGrace, type != .namespaces {
            return remove(type, key) ?? stored
        }
        return stored
    }

    /// Keeps the fields that only the server writes.
    private func keepSystemFields(_ type: ResourceType, of current: JSON, in object: inout JSON) {
        object["apiVersion"] = .string(type.groupVersion)
        object["kind"] = .string(type.kind)
        var metadata = object["metadata"] ?? [:]
        let fields = [
            "uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp",
            "deletionGracePeriodSeconds", "namespace",
        ]
        for field in fields { metadata[field] = current["metadata"]?[field] }
        metadata["managedFields"] = nil
        object["metadata"] = metadata
    }

    private func checkNamespace(_ namespace: String, for type: ResourceType, _ name: String) throws {
        guard !namespace.isEmpty else {
            throw StatusError.badRequest("an empty namespace may not be set during creation")
        }
        guard let found = find(.namespaces, ObjectKey(namespace: "", name: namespace)) else {
            throw StatusError.notFound(.namespaces, namespace)
        }
        if found.meta.isDeleting {
            throw StatusError.forbidden(
                type, name,
                "unable to create new content in namespace \(namespace) because it is being terminated")
        }
    }

    /// `prefix` and five random characters, in the API server's format.
    func uniqueName(_ type: ResourceType, _ prefix: String, namespace: String) -> String {
        while true {
            let name = prefix.prefix(58) + String.randomIdentifier(5)
            if find(type, ObjectKey(namespace: namespace, name: String(name))) == nil { return String(name) }
        }
    }
}

extension String {
    /// Random letters and digits, without vowels and characters that are easily misread.
    static func randomIdentifier(_ count: Int) -> String {
        let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
        return String((0..<count).compactMap { _ in alphabet.randomElement() })
    }
}
