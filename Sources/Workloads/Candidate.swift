import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration
import Yams

/// The workload of a release's candidate, made from the app's template or as a mirror of the live colour's workload.
struct Candidate {
    var app: AppConfiguration
    var order: Order
    var survey: Survey
    /// The live colour's workload, where there is one.
    var model: JSON?

    func object() throws(Refusal) -> JSON {
        let name = app.workloadName(survey.candidate)
        var template = try template()
        let selector = selector
        var labels = template[at: "metadata.labels"]?.object ?? [:]
        labels = labels.mapValues(recolored)
        labels.merge(selector) { $1 }
        labels[Label.version] = .string(labelValue)
        labels[Label.managedBy] = .string(Label.viridian)
        template[at: "metadata.labels"] = .object(labels)
        template[at: "spec.containers"] = try containers(template)

        var object: JSON = [
            "metadata": [
                "name": .string(name),
                "labels": .object(ownLabels),
                "annotations": .object(ownAnnotations),
            ],
            "spec": mirroredSpec,
        ]
        object[at: "spec.replicas"] = .integer(Int64(survey.replicas))
        object[at: "spec.template"] = template
        object[at: "spec.selector"] = isDeployment ? deploymentSelector(selector) : .object(selector)
        return object
    }

    /// The image that the app's own container has in a workload: the container with the app's repository, or the only one.
    static func image(in workload: JSON, of app: AppConfiguration) -> String? {
        let containers = workload[at: "spec.template.spec.containers"]?.array ?? []
        return index(in: containers, of: app).flatMap { containers[$0]["image"]?.string }
    }

    private static func index(in containers: [JSON], of app: AppConfiguration) -> Int? {
        let wanted = "\(app.image)"
        let same = containers.firstIndex { container in
            guard let image = container["image"]?.string else { return false }
            return image == wanted || image.hasPrefix(wanted + ":") || image.hasPrefix(wanted + "@")
        }
        return same
            ?? containers.firstIndex { $0["name"]?.string == app.name.text }
            ?? (containers.count == 1 ? 0 : nil)
    }

    /// A label holds less than a tag; the version in full is in an annotation.
    private var labelValue: String { (try? Version(order.version))?.labelValue ?? "" }

    private var isDeployment: Bool { app.workload == .deployment }

    /// Labels by which the candidate's workload finds its pods: the model's, in the candidate's colour, and the service's.
    private var selector: [String: JSON] {
        let found = model?[at: "spec.selector"]
        let labels = found?["matchLabels"]?.object ?? (found?["matchExpressions"] == nil ? found?.object : nil) ?? [:]
        return labels.mapValues(recolored).merging(app.selector(survey.candidate).mapValues(JSON.string)) { $1 }
    }

    private func deploymentSelector(_ labels: [String: JSON]) -> JSON {
        var selector = recoloredSelector(model?[at: "spec.selector"] ?? [:])
        if selector["matchExpressions"] == nil { selector = [:] }
        selector["matchLabels"] = .object(labels)
        return selector
    }

    /// `blog-blue` and `blue` become the candidate's; everything else stays.
    func recolored(_ value: JSON) -> JSON {
        let old = survey.candidate.other
        switch value.string {
        case app.workloadName(old): return .string(app.workloadName(survey.candidate))
        case old.rawValue: return .string(survey.candidate.rawValue)
        default: return value
        }
    }

    private var ownLabels: [String: JSON] {
        var labels = (model?[at: "metadata.labels"]?.object ?? [:]).mapValues(recolored)
        labels["name"] = .string(app.workloadName(survey.candidate))
        labels[Label.managedBy] = .string(Label.viridian)
        labels[Label.version] = .string(labelValue)
        return labels
    }

    private var ownAnnotations: [String: JSON] {
        var annotations = model?[at: "metadata.annotations"]?.object ?? [:]
        // What other programs wrote about that one object, and would be untrue of this one.
        for key in ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"] {
            annotations[key] = nil
        }
        annotations[Annotation.release] = .string("\(order.number)")
        annotations[Annotation.version] = .string(order.version)
        return annotations
    }

    /// All that the model's spec has beside what follows here: strategy, minReadySeconds, fields that nobody here has heard of.
    private var mirroredSpec: JSON {
        let sameKind = model?.workloadResource == (isDeployment ? .deployments : .replicationControllers)
        guard sameKind, var spec = model?["spec"] else { return [:] }
        // A rollout that somebody holds up is one of the live colour: a candidate that is held up makes no pods.
        spec["paused"] = nil
        return spec
    }

    // MARK: - Pod template

    private func template() throws(Refusal) -> JSON {
        if let written = app.template { return try parsed(written) }
        if let mirrored = model?[at: "spec.template"] {
            var template = mirrored
            template[at: "metadata.creationTimestamp"] = nil
            template["spec"] = template["spec"].map(meaningOwnPods)
            return template
        }
        return [
            "metadata": ["labels": [:]],
            "spec": [
                "containers": [
                    [
                        "name": .string(app.name.text),
                        "ports": [["containerPort": .integer(Int64(app.ports.container))]],
                        "readinessProbe": ["tcpSocket": ["port": .integer(Int64(app.ports.container))]],
                    ]
                ]
            ],
        ]
    }

    private func parsed(_ written: AppConfiguration.Template) throws(Refusal) -> JSON {
        let value: JSON
        do {
            guard let node = try Yams.compose(yaml: written.text) else { throw Refusal("\(written.path) is empty") }
            value = try JSON(node)
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal("\(written.path) is not valid YAML: \(error)")
        }
        // A Pod, a PodTemplate, or just {metadata, spec}.
        let template = value["template"] ?? value
        guard template["spec"]?["containers"]?.array?.isEmpty == false else {
            throw Refusal("\(written.path) is no pod template: it has no spec.containers")
        }
        return ["metadata": template["metadata"] ?? [:], "spec": template["spec"] ?? [:]]
    }

    private func containers(_ template: JSON) throws(Refusal) -> JSON {
        var containers = template[at: "spec.containers"]?.array ?? []
        guard let index = Candidate.index(in: containers, of: app) else {
            let names = containers.compactMap { $0["name"]?.string }.joined(separator: ", ")
            throw Refusal(
                "it cannot be told which container of the pod template is \(app.name)'s: none has image \(app.image)",
                details: ["containers: \(names)", "name one \(app.name), or give one the image \(app.image)"]
            )
        }
        containers[index]["image"] = .string(order.image)
        return .array(containers)
    }
}

extension JSON {
    /// A YAML node as the JSON value that kubectl would send for it.
    init(_ node: Yams.Node) throws {
        switch node {
        case .scalar:
            if node.null != nil, node.scalar?.style == .plain {
                self = .null
            } else if let value = node.bool, node.scalar?.style == .plain {
                self = .bool(value)
            } else if let value = node.int, node.scalar?.style == .plain {
                self = .integer(Int64(value))
            } else if let value = node.float, node.scalar?.style == .plain {
                self = .number(value)
            } else {
                self = .string(node.string ?? "")
            }
        case .sequence(let items):
            self = .array(try items.map { try JSON($0) })
        case .mapping(let pairs):
            var members: [String: JSON] = [:]
            for (key, value) in pairs { members[key.string ?? ""] = try JSON(value) }
            self = .object(members)
        case .alias:
            throw Refusal("YAML aliases are not supported in a pod template")
        }
    }
}
