import Foundation
import Kubernetes

/// Default values of fields that a client leaves out (`pkg/apis/*/v1/defaults.go`).
enum Defaults {
    static func apply(_ type: ResourceType, _ object: inout JSON) {
        switch type {
        case .pods: object["spec"] = podSpec(object["spec"] ?? [:])
        case .podTemplates: object["template"] = podTemplate(object["template"] ?? [:])
        case .replicationControllers: replicationController(&object)
        case .replicaSets: template(&object)
        case .deployments: deployment(&object)
        case .services: object["spec"] = serviceSpec(object["spec"] ?? [:])
        case .namespaces:
            object[["metadata", "labels", "kubernetes.io/metadata.name"]] = .string(object.meta.name)
            object["spec"] = ["finalizers": ["kubernetes"]]
        case .secrets: secret(&object)
        default: break
        }
    }

    static func status(_ type: ResourceType, _ object: JSON) -> JSON {
        switch type {
        case .pods: ["phase": "Pending", "qosClass": .string(qualityOfService(object))]
        case .services: ["loadBalancer": [:]]
        case .replicationControllers, .replicaSets: ["replicas": 0]
        case .namespaces: ["phase": "Active"]
        default: [:]
        }
    }

    private static func replicationController(_ object: inout JSON) {
        template(&object)
        guard let labels = object[at: "spec.template.metadata.labels"], labels.object?.isEmpty == false else { return }
        if (object[at: "spec.selector"]?.object ?? [:]).isEmpty { object[at: "spec.selector"] = labels }
        if object.meta.labels.isEmpty { object[at: "metadata.labels"] = labels }
    }

    private static func deployment(_ object: inout JSON) {
        template(&object)
        var spec = object["spec"] ?? [:]
        spec.fill("revisionHistoryLimit", 10)
        spec.fill("progressDeadlineSeconds", 600)
        var strategy = spec["strategy"] ?? [:]
        strategy.fill("type", "RollingUpdate")
        if strategy["type"]?.string == "RollingUpdate" {
            var rolling = strategy["rollingUpdate"] ?? [:]
            rolling.fill("maxSurge", "25%")
            rolling.fill("maxUnavailable", "25%")
            strategy["rollingUpdate"] = rolling
        }
        spec["strategy"] = strategy
        object["spec"] = spec
    }

    private static func template(_ object: inout JSON) {
        var spec = object["spec"] ?? [:]
        spec.fill("replicas", 1)
        if let given = spec["template"] { spec["template"] = podTemplate(given) }
        object["spec"] = spec
    }

    private static func podTemplate(_ given: JSON) -> JSON {
        var template = given
        template["spec"] = podSpec(template["spec"] ?? [:])
        var metadata = template["metadata"] ?? [:]
        metadata["creationTimestamp"] = .null
        template["metadata"] = metadata
        return template
    }

    private static func podSpec(_ given: JSON) -> JSON {
        var spec = given
        spec.fill("restartPolicy", "Always")
        spec.fill("terminationGracePeriodSeconds", 30)
        spec.fill("dnsPolicy", "ClusterFirst")
        spec.fill("schedulerName", "default-scheduler")
        spec.fill("securityContext", [:])
        for list in ["containers", "initContainers"] {
            guard let containers = spec[list]?.array else { continue }
            spec[list] = .array(containers.map(container))
        }
        return spec
    }

    private static func container(_ given: JSON) -> JSON {
        var container = given
        let image = container["image"]?.string ?? ""
        let tag = ImageName(image)?.tag
        container.fill("imagePullPolicy", tag == "latest" ? "Always" : "IfNotPresent")
        container.fill("terminationMessagePath", "/dev/termination-log")
        container.fill("terminationMessagePolicy", "File")
        container.fill("resources", [:])
        if let ports = container["ports"]?.array {
            container["ports"] = .array(ports.map { $0.filled("protocol", "TCP") })
        }
        for name in ["readinessProbe", "livenessProbe", "startupProbe"] {
            guard var probe = container[name], probe.object != nil else { continue }
            probe.fill("timeoutSeconds", 1)
            probe.fill("periodSeconds", 10)
            probe.fill("successThreshold", 1)
            probe.fill("failureThreshold", 3)
            if let get = probe["httpGet"] {
                probe["httpGet"] = get.filled("path", "/").filled("scheme", "HTTP")
            }
            container[name] = probe
        }
        return container
    }

    private static func serviceSpec(_ given: JSON) -> JSON {
        var spec = given
        spec.fill("type", "ClusterIP")
        spec.fill("sessionAffinity", "None")
        spec.fill("internalTrafficPolicy", "Cluster")
        spec.fill("ipFamilies", ["IPv4"])
        spec.fill("ipFamilyPolicy", "SingleStack")
        if spec["type"]?.string != "ClusterIP" { spec.fill("externalTrafficPolicy", "Cluster") }
        if let ports = spec["ports"]?.array {
            spec["ports"] = .array(
                ports.map { $0.filled("protocol", "TCP").filled("targetPort", $0["port"] ?? 0) })
        }
        return spec
    }

    private static func secret(_ object: inout JSON) {
        object.fill("type", "Opaque")
        guard let plain = object["stringData"]?.object else { return }
        var data = object["data"]?.object ?? [:]
        for (key, value) in plain {
            data[key] = .string(Data((value.string ?? "").utf8).base64EncodedString())
        }
        object["data"] = .object(data)
        object["stringData"] = nil
    }

    private static func qualityOfService(_ pod: JSON) -> String {
        let resources = (pod[at: "spec.containers"]?.array ?? []).map { $0["resources"] ?? [:] }
        let limits = resources.map { $0["limits"]?.object ?? [:] }
        let requests = resources.map { $0["requests"]?.object ?? [:] }
        if limits.allSatisfy(\.isEmpty), requests.allSatisfy(\.isEmpty) { return "BestEffort" }
        let isGuaranteed = zip(limits, requests).allSatisfy { limit, request in
            limit["cpu"] != nil && limit["memory"] != nil && (request.isEmpty || request == limit)
        }
        return isGuaranteed ? "Guaranteed" : "Burstable"
    }
}

extension JSON {
    /// Sets a member that is missing or null.
    mutating func fill(_ key: String, _ value: JSON) {
        if self[key] == nil || self[key]?.isNull == true { self[key] = value }
    }

    func filled(_ key: String, _ value: JSON) -> JSON {
        var copy = self
        copy.fill(key, value)
        return copy
    }
}
