import Kubernetes

/// Strategic merge patches: merge patches whose lists merge by key.
///
/// <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md>
enum StrategicMerge {
    static func apply(_ patch: JSON, to original: JSON) -> JSON {
        merge(original, patch, field: "")
    }

    /// The keys of a list's elements. Other lists are replaced as a whole.
    static func mergeKeys(_ field: String, _ elements: [JSON]) -> [String]? {
        switch field {
        case "containers", "initContainers", "ephemeralContainers", "env", "volumes", "imagePullSecrets":
            return ["name"]
        case "ports":
            let isContainers = elements.contains { $0["containerPort"] != nil }
            return [isContainers ? "containerPort" : "port"]
        case "volumeMounts": return ["mountPath"]
        case "volumeDevices": return ["devicePath"]
        case "conditions", "addresses": return ["type"]
        case "ownerReferences": return ["uid"]
        case "hostAliases", "podIPs": return ["ip"]
        case "topologySpreadConstraints": return ["topologyKey"]
        default: return nil
        }
    }

    private static func merge(_ original: JSON, _ patch: JSON, field: String) -> JSON {
        guard let changes = patch.object else { return patch }
        if changes["$patch"]?.string == "replace" {
            var replacement = changes
            replacement["$patch"] = nil
            return .object(replacement)
        }
        if changes["$patch"]?.string == "delete" { return [:] }
        var result = original.object ?? [:]
        if let kept = changes["$retainKeys"]?.array?.compactMap(\.string) {
            result = result.filter { kept.contains($0.key) }
        }
        for (key, change) in changes {
            if let list = key.directive("$deleteFromPrimitiveList/") {
                let gone = change.array ?? []
                result[list] = result[list]?.array.map { .array($0.filter { !gone.contains($0) }) }
            } else if key.hasPrefix("$") {
                continue
            } else if change.isNull {
                result[key] = nil
            } else if let elements = change.array {
                result[key] = mergeList(result[key]?.array ?? [], elements, field: key)
            } else if change.object != nil {
                result[key] = merge(result[key] ?? [:], change, field: key)
            } else {
                result[key] = change
            }
        }
        for (key, order) in changes {
            guard let list = key.directive("$setElementOrder/"), let elements = result[list]?.array else { continue }
            result[list] = .array(sort(elements, by: order.array ?? [], field: list))
        }
        return .object(result)
    }

    private static func mergeList(_ original: [JSON], _ patch: [JSON], field: String) -> JSON {
        if patch.contains(where: { $0["$patch"]?.string == "replace" }) {
            return .array(patch.filter { $0["$patch"]?.string != "replace" })
        }
        if field == "finalizers" { return .array(original + patch.filter { !original.contains($0) }) }
        guard let keys = mergeKeys(field, original + patch) else { return .array(patch) }
        var result = original
        for element in patch {
            let index = result.firstIndex { present in keys.allSatisfy { present[$0] == element[$0] } }
            if element["$patch"]?.string == "delete" {
                if let index { result.remove(at: index) }
            } else if let index {
                result[index] = merge(result[index], element, field: field)
            } else {
                result.append(merge([:], element, field: field))
            }
        }
        return .array(result)
    }

    /// The elements in the order of the patch, then the rest.
    private static func sort(_ elements: [JSON], by order: [JSON], field: String) -> [JSON] {
        let keys = mergeKeys(field, elements + order)
        func rank(_ element: JSON) -> Int {
            order.firstIndex { wanted in
                guard let keys, wanted.object != nil else { return wanted == element }
                return keys.allSatisfy { wanted[$0] == element[$0] }
            } ?? order.count
        }
        return elements.enumerated()
            .sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }
            .map(\.element)
    }
}

extension String {
    /// The field name of a directive's key.
    fileprivate func directive(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
