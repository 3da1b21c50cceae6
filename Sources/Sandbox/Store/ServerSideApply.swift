import Kubernetes

/// Server-side apply, without the conflicts of several managers: each gets what it asks for, and what it applied before
/// and asks for no longer is taken away.
enum ServerSideApply {
    /// `present` with what is `wanted`, and without what the same manager applied last (`previous`) and wants no more.
    static func apply(_ wanted: JSON, previous: JSON?, to present: JSON) -> JSON {
        var result = present
        if let previous { result = removing(previous, keeping: wanted, from: result, field: "") }
        return StrategicMerge.apply(wanted, to: result)
    }

    /// `present` without what `previous` had and `wanted` has not.
    private static func removing(_ previous: JSON, keeping wanted: JSON, from present: JSON, field: String) -> JSON {
        if let before = previous.object, let now = wanted.object, var members = present.object {
            for (key, value) in before {
                if let kept = now[key] {
                    if let found = members[key] {
                        members[key] = removing(value, keeping: kept, from: found, field: key)
                    }
                } else if value.object != nil, let found = members[key] {
                    // What others put beside it stays.
                    let left = removing(value, keeping: [:], from: found, field: key)
                    if left.object?.isEmpty == true { members[key] = nil } else { members[key] = left }
                } else {
                    members[key] = nil
                }
            }
            return .object(members)
        }
        if let before = previous.array, let now = wanted.array, let elements = present.array,
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
        return present
    }
}
