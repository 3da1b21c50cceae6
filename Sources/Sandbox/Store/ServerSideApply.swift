import Kubernetes

/// Server-side apply without conflicts between managers: each manager's configuration is applied, and fields that it no longer
/// sets are removed.
enum ServerSideApply {
    /// `current` with `wanted` applied, and without the fields that are only in `previous`, the manager's last configuration.
    static func apply(_ wanted: JSON, previous: JSON?, to current: JSON) -> JSON {
        var result = current
        if let previous { result = removing(previous, keeping: wanted, from: result, field: "") }
        return StrategicMerge.apply(wanted, to: result)
    }

    /// `current` without the fields that are in `previous` but not in `wanted`.
    private static func removing(_ previous: JSON, keeping wanted: JSON, from current: JSON, field: String) -> JSON {
        if let before = previous.object, let now = wanted.object, var members = current.object {
            for (key, value) in before {
                if let kept = now[key] {
                    if let found = members[key] {
                        members[key] = removing(value, keeping: kept, from: found, field: key)
                    }
                } else if value.object != nil, let found = members[key] {
                    // Fields of other managers are kept.
                    let left = removing(value, keeping: [:], from: found, field: key)
                    if left.object?.isEmpty == true { members[key] = nil } else { members[key] = left }
                } else {
                    members[key] = nil
                }
            }
            return .object(members)
        }
        if let before = previous.array, let now = wanted.array, let elements = current.array,
            let keys = StrategicMerge.mergeKeys(field, elements + now)
        {
            func matches(_ left: JSON, _ right: JSON) -> Bool { keys.allSatisfy { left[$0] == right[$0] } }
            return .array(
                elements.compactMap { element in
                    guard let was = before.first(where: { matches($0, element) }) else { return element }
                    guard let kept = now.first(where: { matches($0, element) }) else { return nil }
                    return removing(was, keeping: kept, from: element, field: field)
                })
        }
        return current
    }
}
