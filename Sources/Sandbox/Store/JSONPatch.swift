import Kubernetes

/// JSON patches (RFC 6902).
enum JSONPatch {
    static func apply(_ patch: JSON, to original: JSON) throws -> JSON {
        guard let operations = patch.array else {
            throw StatusError.badRequest("error decoding patch: a JSON patch is a list of operations")
        }
        return try operations.reduce(original) { try apply(operation: $1, to: $0) }
    }

    private static func apply(operation: JSON, to document: JSON) throws -> JSON {
        let name = operation["op"]?.string ?? ""
        let path = pointer(operation["path"]?.string ?? "")
        func failed(_ why: String) -> StatusError {
            let text = operation["path"]?.string ?? ""
            return StatusError(
                code: 422, reason: "Invalid",
                message: "the server rejected our request due to an error in our request: "
                    + "\(name) operation does not apply: doc is missing path: \"\(text)\": \(why)")
        }
        switch name {
        case "add", "replace":
            guard let value = operation["value"] else { throw failed("missing value") }
            if name == "replace", document.value(at: path) == nil { throw failed("missing value") }
            guard let result = document.setting(value, at: path, inserting: name == "add") else {
                throw failed("missing parent")
            }
            return result
        case "remove":
            guard document.value(at: path) != nil, let result = document.setting(nil, at: path, inserting: false) else {
                throw failed("missing value")
            }
            return result
        case "test":
            guard document.value(at: path) == operation["value"] else {
                throw StatusError(
                    code: 422, reason: "Invalid",
                    message: "the server rejected our request due to an error in our request: testing path "
                        + "\(operation["path"]?.string ?? "") failed")
            }
            return document
        case "copy", "move":
            let from = pointer(operation["from"]?.string ?? "")
            guard let value = document.value(at: from) else { throw failed("missing source") }
            let rest = name == "move" ? document.setting(nil, at: from, inserting: false) : document
            guard let result = rest?.setting(value, at: path, inserting: true) else { throw failed("missing parent") }
            return result
        default:
            throw StatusError.badRequest("Unexpected kind: \(name)")
        }
    }

    private static func pointer(_ text: String) -> [String] {
        text.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
            String($0.replacing("~1", with: "/").replacing("~0", with: "~"))
        }
    }
}

extension JSON {
    fileprivate func value(at path: [String]) -> JSON? {
        path.reduce(Optional(self)) { found, key in
            guard let list = found?.array else { return found?[key] }
            guard let index = Int(key), list.indices.contains(index) else { return nil }
            return list[index]
        }
    }

    /// A copy with the value set, or removed if it is `nil`; `nil` when the parent does not exist.
    fileprivate func setting(_ value: JSON?, at path: [String], inserting: Bool) -> JSON? {
        guard let key = path.first else { return value ?? .null }
        let rest = Array(path.dropFirst())
        if var list = array {
            if rest.isEmpty, key == "-", let value {
                list.append(value)
                return .array(list)
            }
            guard let index = Int(key), index >= 0, index <= list.count else { return nil }
            if rest.isEmpty {
                if let value, inserting {
                    list.insert(value, at: index)
                } else if index < list.count {
                    if let value { list[index] = value } else { list.remove(at: index) }
                } else {
                    return nil
                }
                return .array(list)
            }
            guard index < list.count, let child = list[index].setting(value, at: rest, inserting: inserting) else {
                return nil
            }
            list[index] = child
            return .array(list)
        }
        guard var members = object else { return nil }
        if rest.isEmpty {
            members[key] = value
        } else {
            guard let child = members[key]?.setting(value, at: rest, inserting: inserting) else { return nil }
            members[key] = child
        }
        return .object(members)
    }
}
