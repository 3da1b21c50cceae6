import Foundation
import Kubernetes

/// Creating and changing objects by the API's rules.
extension Objects {
    /// What of an object a change is about.
    enum Part: Sendable {
        case object
        case status
    }

    /// Stores a new object.
    ///
    /// - Throws: ``APIError`` as the API server would answer.
    mutating func create(_ type: ResourceType, _ object: JSON, dryRun: Bool = false) throws -> JSON {
        var object = object
        object["apiVersion"] = .string(type.groupVersion)
        object["kind"] = .string(type.kind)
        if !type.isNamespaced, object["metadata"]?["namespace"] != nil { object[at: "metadata.namespace"] = nil }
        if object.meta.name.isEmpty, let prefix = object["metadata"]?["generateName"]?.string {
            object[at: "metadata.name"] = .string(uniqueName(type, prefix, namespace: object.meta.namespace))
        }
        guard object["metadata"]?["resourceVersion"]?.string ?? "" == "" else {
            throw APIError.badRequest("resourceVersion should not be set on objects to be created")
        }
        let key = object.meta.key
        if type.isNamespaced { try checkNamespace(key.namespace, for: type, key.name) }
        guard find(type, key) == nil || key.name.isEmpty else { throw APIError.alreadyExists(type, key.name) }

        if type.hasStatus { object["status"] = nil }
        Defaults.apply(type, &object)
        let problems = Validation.problems(type, object)
        guard problems.isEmpty else { throw APIError.invalid(type, key.name, problems) }
        if type == .services { try allocate(&object, replacing: nil) }
        if type == .pods { try checkQuota(namespace: key.namespace, name: key.name) }

        object[at: "metadata.uid"] = .string(UUID().uuidString.lowercased())
        object[at: "metadata.creationTimestamp"] = Timestamp.now()
        object[at: "metadata.deletionTimestamp"] = nil
        object[at: "metadata.deletionGracePeriodSeconds"] = nil
        if type.hasGeneration { object[at: "metadata.generation"] = 1 }
        if type.hasStatus { object["status"] = Defaults.status(type, object) }
        guard !dryRun else { return object }
        let stored = put(type, object)
        collectIfOrphaned(type, stored)
        return stored
    }

    /// Changes an object; a change that changes nothing keeps the resource version.
    ///
    /// A result of `change` that carries a `resourceVersion` other than the present one is a conflict.
    mutating func update(
        _ type: ResourceType, _ key: ObjectKey, _ part: Part = .object, dryRun: Bool = false,
        change: (JSON) throws -> JSON
    ) throws -> JSON {
        let current = try get(type, key)
        var object = try change(current)
        let claimed = object.meta.resourceVersion
        if !claimed.isEmpty, claimed != current.meta.resourceVersion { throw APIError.conflict(type, key.name) }
        let uid = object.meta.uid
        if !uid.isEmpty, uid != current.meta.uid {
            throw APIError.conflict(
                type, key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(current.meta.uid)")
        }
        guard object.meta.name == key.name else {
            throw APIError.badRequest(
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
            guard problems.isEmpty else { throw APIError.invalid(type, key.name, problems) }
            if type == .services { try allocate(&object, replacing: current) }
            if type.hasGeneration, object["spec"] != current["spec"] {
                object[at: "metadata.generation"] = .int(current.meta.generation + 1)
            }
        }
        guard object != current else { return current }
        guard !dryRun else { return object }
        let stored = put(type, object)
        if stored.meta.isDeleting, stored.meta.finalizers.isEmpty, type != .pods, type != .namespaces {
            return remove(type, key) ?? stored
        }
        return stored
    }

    /// What the server alone writes stays as it is, whatever a client sends.
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
            throw APIError.badRequest("an empty namespace may not be set during creation")
        }
        guard let found = find(.namespaces, ObjectKey(namespace: "", name: namespace)) else {
            throw APIError.notFound(.namespaces, namespace)
        }
        if found.meta.isDeleting {
            throw APIError.forbidden(
                type, name,
                "unable to create new content in namespace \(namespace) because it is being terminated")
        }
    }

    /// `prefix` and five letters that make no words, as the API server chooses them.
    func uniqueName(_ type: ResourceType, _ prefix: String, namespace: String) -> String {
        while true {
            let name = prefix.prefix(58) + String.unmistakable(5)
            if find(type, ObjectKey(namespace: namespace, name: String(name))) == nil { return String(name) }
        }
    }
}

extension String {
    /// Random letters and digits without those that are easily misread or could make words.
    static func unmistakable(_ count: Int) -> String {
        let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
        return String((0..<count).compactMap { _ in alphabet.randomElement() })
    }
}
