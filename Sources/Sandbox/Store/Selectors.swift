import Kubernetes

/// `labelSelector`: equality and set-based requirements. All must hold.
struct LabelSelector: Sendable, Hashable {
    enum Requirement: Sendable, Hashable {
        case equals(String, String)
        case differs(String, String)
        case isIn(String, Set<String>)
        case isNotIn(String, Set<String>)
        case exists(String)
        case isAbsent(String)

        func holds(for labels: [String: String]) -> Bool {
            switch self {
            case .equals(let key, let value): labels[key] == value
            case .differs(let key, let value): labels[key] != value
            case .isIn(let key, let values): labels[key].map(values.contains) ?? false
            case .isNotIn(let key, let values): !(labels[key].map(values.contains) ?? false)
            case .exists(let key): labels[key] != nil
            case .isAbsent(let key): labels[key] == nil
            }
        }
    }

    var requirements: [Requirement] = []

    func matches(_ labels: [String: String]) -> Bool { requirements.allSatisfy { $0.holds(for: labels) } }

    init(_ labels: [String: String]) {
        requirements = labels.sorted { $0.key < $1.key }.map { .equals($0.key, $0.value) }
    }

    /// `spec.selector` of a ReplicaSet or Deployment: `matchLabels` and `matchExpressions`.
    init(matching selector: JSON) {
        self.init((selector["matchLabels"]?.object ?? [:]).compactMapValues(\.string))
        for expression in selector["matchExpressions"]?.array ?? [] {
            let key = expression["key"]?.string ?? ""
            let values = Set((expression["values"]?.array ?? []).compactMap(\.string))
            switch expression["operator"]?.string {
            case "In": requirements.append(.isIn(key, values))
            case "NotIn": requirements.append(.isNotIn(key, values))
            case "Exists": requirements.append(.exists(key))
            default: requirements.append(.isAbsent(key))
            }
        }
    }

    init(parsing text: String) throws {
        for part in Self.split(text) {
            requirements.append(try Self.requirement(part))
        }
    }

    /// Splits `a=b,c in (d,e)` at the commas outside parentheses.
    private static func split(_ text: String) -> [String] {
        var parts: [String] = [""]
        var depth = 0
        for character in text {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ",", depth == 0 {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts.map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    }

    private static func requirement(_ part: String) throws -> Requirement {
        func unparsable() -> StatusError {
            .badRequest("unable to parse requirement: found '\(part)', expected: in, notin, =, ==, !=, or a key")
        }
        if part.hasSuffix(")"), let open = part.firstIndex(of: "(") {
            let words = part[..<open].split(separator: " ").map(String.init)
            let values = part[part.index(after: open)...].dropLast().split(separator: ",")
            guard words.count == 2 else { throw unparsable() }
            let set = Set(values.map { String($0).trimmingSpaces() })
            switch words[1] {
            case "in": return .isIn(words[0], set)
            case "notin": return .isNotIn(words[0], set)
            default: throw unparsable()
            }
        }
        if let (key, value) = part.divided(by: "!=") { return .differs(key, value) }
        if let (key, value) = part.divided(by: "==") { return .equals(key, value) }
        if let (key, value) = part.divided(by: "=") { return .equals(key, value) }
        guard !part.contains(" ") else { throw unparsable() }
        return part.hasPrefix("!") ? .isAbsent(String(part.dropFirst()).trimmingSpaces()) : .exists(part)
    }
}

/// `fieldSelector`: equality requirements on the fields that the API supports.
struct FieldSelector: Sendable, Hashable {
    struct Requirement: Sendable, Hashable {
        var path: String
        var value: String
        var negated: Bool
    }

    var requirements: [Requirement] = []

    init() {}

    init(parsing text: String, for type: ResourceType) throws {
        for part in text.split(separator: ",") {
            let requirement: Requirement
            if let (path, value) = String(part).divided(by: "!=") {
                requirement = Requirement(path: path, value: value, negated: true)
            } else if let (path, value) = String(part).divided(by: "==") ?? String(part).divided(by: "=") {
                requirement = Requirement(path: path, value: value, negated: false)
            } else {
                throw StatusError.badRequest("invalid selector: '\(part)'; can't understand '\(part)'")
            }
            guard Self.supported(type).contains(requirement.path) else {
                throw StatusError.badRequest("field label not supported: \(requirement.path)")
            }
            requirements.append(requirement)
        }
    }

    private static func supported(_ type: ResourceType) -> Set<String> {
        let common: Set<String> = ["metadata.name", "metadata.namespace"]
        return switch type {
        case .pods:
            common.union([
                "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName",
            ])
        case .events:
            common.union([
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
                "reportingComponent", "source", "type",
            ])
        case .namespaces: common.union(["status.phase"])
        case .nodes: common.union(["spec.unschedulable"])
        case .secrets: common.union(["type"])
        case .replicationControllers, .replicaSets: common.union(["status.replicas"])
        default: common
        }
    }

    func matches(_ object: JSON) -> Bool {
        requirements.allSatisfy { requirement in
            let found: String =
                switch object[at: requirement.path] {
                case .string(let text): text
                case .integer(let number): String(number)
                case .bool(let flag): String(flag)
                default: requirement.path == "spec.unschedulable" ? "false" : ""
                }
            return (found == requirement.value) != requirement.negated
        }
    }
}

/// The namespace and selectors of a list or watch.
struct ObjectFilter: Sendable {
    var namespace: String?
    var labels: LabelSelector = LabelSelector([:])
    var fields = FieldSelector()

    func matches(_ object: JSON) -> Bool {
        if let namespace, object.meta.namespace != namespace { return false }
        if !fields.requirements.isEmpty, !fields.matches(object) { return false }
        return labels.requirements.isEmpty || labels.matches(object.meta.labels)
    }
}

extension String {
    func trimmingSpaces() -> String {
        var text = Substring(self)
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }

    /// The trimmed halves before and after the first `separator`.
    func divided(by separator: String) -> (String, String)? {
        guard let range = firstRange(of: separator) else { return nil }
        return (String(self[..<range.lowerBound]).trimmingSpaces(), String(self[range.upperBound...]).trimmingSpaces())
    }
}
