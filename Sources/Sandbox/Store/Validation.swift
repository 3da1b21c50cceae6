import Foundation
import Kubernetes

/// The API server's validation rules that matter for deployments, with its messages (`pkg/apis/*/validation`).
enum Validation {
    /// The range of the API's non-negative int32 fields.
    static let int32 = 0...Int(Int32.max)
    /// The range of a controller's replicas. A real cluster allows more; here every pending pod on the single node uses memory.
    static let replicas = 0...1_000

    static func problems(_ type: ResourceType, _ object: JSON) -> [FieldProblem] {
        var problems = nameProblems(type, object) + labelProblems(object["metadata"]?["labels"], "metadata.labels")
        let spec = object["spec"] ?? [:]
        switch type {
        case .pods: problems += podSpecProblems(spec, "spec")
        case .podTemplates:
            problems += labelProblems(object[at: "template.metadata.labels"], "template.metadata.labels")
            problems += podSpecProblems(object[at: "template.spec"] ?? [:], "template.spec")
        case .services: problems += serviceProblems(spec)
        case .replicationControllers:
            let selector = LabelSelector((spec["selector"]?.object ?? [:]).compactMapValues(\.string))
            problems += controllerProblems(type, spec, selector)
        case .replicaSets, .deployments:
            problems += controllerProblems(type, spec, LabelSelector(matching: spec["selector"] ?? [:]))
        default: break
        }
        return problems
    }

    /// Changes of immutable fields.
    static func problems(_ type: ResourceType, changing old: JSON, to new: JSON) -> [FieldProblem] {
        switch type {
        case .replicaSets, .deployments:
            guard old[at: "spec.selector"] != new[at: "spec.selector"] else { return [] }
            return [.invalid("spec.selector", goText(new[at: "spec.selector"]), "field is immutable")]
        case .services:
            let before = old[at: "spec.clusterIP"]?.string ?? ""
            guard let after = new[at: "spec.clusterIP"]?.string, !before.isEmpty, before != after else { return [] }
            return [.invalid("spec.clusterIPs[0]", "[]string{\"\(after)\"}", "may not change once set")]
        case .pods:
            guard fixedPart(of: old) != fixedPart(of: new) else { return [] }
            return [
                .forbidden(
                    "spec",
                    "pod updates may not change fields other than `spec.containers[*].image`,"
                        + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions"
                        + " to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it"
                        + " was previously negative)")
            ]
        default: return []
        }
    }

    private static func fixedPart(of pod: JSON) -> JSON {
        var spec = pod["spec"] ?? [:]
        spec["activeDeadlineSeconds"] = nil
        spec["tolerations"] = nil
        spec["nodeName"] = nil
        for list in ["containers", "initContainers"] {
            guard let containers = spec[list]?.array else { continue }
            spec[list] = .array(
                containers.map {
                    var container = $0
                    container["image"] = nil
                    container["imagePullPolicy"] = nil
                    return container
                })
        }
        return spec
    }

    private static func nameProblems(_ type: ResourceType, _ object: JSON) -> [FieldProblem] {
        let name = object.meta.name
        guard !name.isEmpty else { return [.required("metadata.name", "name or generateName is required")] }
        let why: String? =
            switch type {
            case .services: Names.problemAsLabel1035(name)
            case .namespaces: Names.problemAsLabel1123(name)
            case .roles, .roleBindings, .clusterRoles, .clusterRoleBindings: Names.problemAsPathSegment(name)
            default: Names.problemAsSubdomain(name)
            }
        return why.map { [.invalid("metadata.name", "\"\(name)\"", $0)] } ?? []
    }

    private static func labelProblems(_ labels: JSON?, _ field: String) -> [FieldProblem] {
        (labels?.object ?? [:]).sorted { $0.key < $1.key }.compactMap { _, value in
            let text = value.string ?? ""
            return Names.problemAsLabelValue(text).map { .invalid(field, "\"\(text)\"", $0) }
        }
    }

    private static func controllerProblems(
        _ type: ResourceType, _ spec: JSON, _ selector: LabelSelector
    ) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        problems += numberProblems(spec, "spec", ["replicas"], replicas)
        problems += numberProblems(
            spec, "spec", ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"], int32)
        if selector.requirements.isEmpty { problems.append(.required("spec.selector")) }
        guard let template = spec["template"], template.object != nil else {
            return problems + [.required("spec.template")]
        }
        let labels = template["metadata"]?["labels"]
        if !selector.requirements.isEmpty, !selector.matches((labels?.object ?? [:]).compactMapValues(\.string)) {
            problems.append(
                .invalid(
                    "spec.template.metadata.labels", goText(labels ?? [:]),
                    "`selector` does not match template `labels`"))
        }
        problems += labelProblems(labels, "spec.template.metadata.labels")
        let policy = template[at: "spec.restartPolicy"]?.string ?? "Always"
        if policy != "Always" {
            problems.append(.notSupported("spec.template.spec.restartPolicy", policy, ["Always"]))
        }
        return problems + podSpecProblems(template["spec"] ?? [:], "spec.template.spec")
    }

    /// Members that must be integers within a range, if present.
    private static func numberProblems(
        _ object: JSON, _ field: String, _ names: [String], _ range: ClosedRange<Int>
    ) -> [FieldProblem] {
        names.compactMap { name in
            guard let value = object[name], !value.isNull else { return nil }
            guard let number = value.integer else {
                return .invalid("\(field).\(name)", value.text, "must be a whole number")
            }
            return range.contains(number) ? nil : .outOfRange("\(field).\(name)", number, range)
        }
    }

    private static func probeProblems(_ container: JSON, _ field: String) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        for name in ["readinessProbe", "livenessProbe", "startupProbe"] {
            guard let probe = container[name], probe.object != nil else { continue }
            problems += numberProblems(
                probe, "\(field).\(name)",
                [
                    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
                    "terminationGracePeriodSeconds",
                ], int32)
            for check in ["httpGet", "tcpSocket"] {
                guard let port = probe[check]?["port"], port.string == nil else { continue }
                problems += portProblems(port, "\(field).\(name).\(check).port")
            }
        }
        let hook = container["lifecycle"]?["preStop"]?["sleep"] ?? [:]
        return problems + numberProblems(hook, "\(field).lifecycle.preStop.sleep", ["seconds"], int32)
    }

    private static func podSpecProblems(_ spec: JSON, _ field: String) -> [FieldProblem] {
        var problems = numberProblems(
            spec, field, ["terminationGracePeriodSeconds", "activeDeadlineSeconds"], int32)
        if (spec["containers"]?.array ?? []).isEmpty { problems.append(.required("\(field).containers")) }
        let policy = spec["restartPolicy"]?.string ?? "Always"
        if !["Always", "OnFailure", "Never"].contains(policy) {
            problems.append(.notSupported("\(field).restartPolicy", policy, ["Always", "OnFailure", "Never"]))
        }
        var names: Set<String> = []
        for list in ["initContainers", "containers"] {
            for (index, container) in (spec[list]?.array ?? []).enumerated() {
                let at = "\(field).\(list)[\(index)]"
                let name = container["name"]?.string ?? ""
                if name.isEmpty {
                    problems.append(.required("\(at).name"))
                } else if let why = Names.problemAsLabel1123(name) {
                    problems.append(.invalid("\(at).name", "\"\(name)\"", why))
                } else if !names.insert(name).inserted {
                    problems.append(.duplicate("\(at).name", "\"\(name)\""))
                }
                if (container["image"]?.string ?? "").isEmpty { problems.append(.required("\(at).image")) }
                problems += probeProblems(container, at)
                for (number, port) in (container["ports"]?.array ?? []).enumerated() {
                    problems += portProblems(port["containerPort"], "\(at).ports[\(number)].containerPort")
                }
            }
        }
        return problems
    }

    private static func serviceProblems(_ spec: JSON) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        let type = spec["type"]?.string ?? "ClusterIP"
        let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
        if !types.contains(type) { problems.append(.notSupported("spec.type", type, types)) }
        let ports = spec["ports"]?.array ?? []
        if ports.isEmpty, type != "ExternalName", spec["clusterIP"]?.string != "None" {
            problems.append(.required("spec.ports"))
        }
        for (index, port) in ports.enumerated() {
            if ports.count > 1, (port["name"]?.string ?? "").isEmpty {
                problems.append(.required("spec.ports[\(index)].name"))
            }
            problems += portProblems(port["port"], "spec.ports[\(index)].port")
            if let target = port["targetPort"], target.string == nil {
                problems += portProblems(target, "spec.ports[\(index)].targetPort")
            }
            if let nodePort = port["nodePort"]?.integer, nodePort != 0, type == "ClusterIP" {
                problems.append(
                    .forbidden("spec.ports[\(index)].nodePort", "may not be used when `type` is 'ClusterIP'"))
            }
        }
        return problems
    }

    private static func portProblems(_ value: JSON?, _ field: String) -> [FieldProblem] {
        guard let port = value?.integer, port != 0 else { return [.required(field)] }
        guard !(1...65_535).contains(port) else { return [] }
        return [.invalid(field, String(port), "must be between 1 and 65535, inclusive")]
    }

    /// A map of strings in Go's format, as in the API server's messages.
    private static func goText(_ value: JSON?) -> String {
        if let members = value?.object, members.allSatisfy({ $0.value.string != nil }) {
            let pairs = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value.string ?? "")\"" }
            return "map[string]string{" + pairs.joined(separator: ", ") + "}"
        }
        return value?.text ?? "null"
    }
}
