import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The workload of a release's candidate, made from the app's template or as a mirror of the live colour's workload.
struct CandidateWorkload {
    var app: AppConfiguration
    var order: Order
    var survey: Survey
    /// The live colour's workload, where there is one.
    var model: JSON?
    /// The labels in the selector of the colour's service.
    var serviceLabels: Set<String> = []

    /// The object to create, and notes for the release's log.
    func makeObject() throws(Refusal) -> (object: JSON, notes: [String]) {
        let name = app.workloadName(survey.candidate)
        var template = try template()
        let selector = selector
        var labels = template[at: "metadata.labels"]?.object ?? [:]
        labels = labels.mapValues(recolored)
        labels.merge(selector) { $1 }
        labels[Label.version] = .string(labelValue)
        labels[Label.managedBy] = .string(Label.viridian)
        template[at: "metadata.labels"] = .object(labels)
        let containers = try containers(template)
        template["spec"] = containers.settingImage(order.image, in: template["spec"] ?? [:])

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
        var notes = [containers.sentence(order.image)]
        if let model, !ownership.isEmpty {
            notes.append("Not copied from \(model.name ?? "the live colour"): \(ownership.sentence)")
        }
        return (object, notes)
    }

    /// The image of the app's containers in a workload; `nil` if they cannot be determined.
    static func image(in workload: JSON, of app: AppConfiguration) -> String? {
        AppContainers(in: workload[at: "spec.template.spec"] ?? [:], of: app).found.first?.image
    }

    /// Whether every container of the app in a workload has the image.
    static func runs(_ image: String, in workload: JSON, of app: AppConfiguration) -> Bool {
        let containers = AppContainers(in: workload[at: "spec.template.spec"] ?? [:], of: app)
        return !containers.found.isEmpty && containers.found.allSatisfy { $0.image == image }
    }

    /// The version, shortened for a label; the full version is in an annotation.
    private var labelValue: String { CandidateWorkload.versionLabel(of: order) }

    static func versionLabel(of order: Order) -> String { (try? Version(order.version))?.labelValue ?? "" }

    /// The metadata by which other programs manage the model.
    private var ownership: ControllingToolMetadata { ControllingToolMetadata(of: model ?? [:]) }

    private var isDeployment: Bool { app.workload == .deployment }

    /// The labels in the candidate's selector: the model's, in the candidate's colour, and the service's.
    private var selector: [String: JSON] {
        let found = model?[at: "spec.selector"]
        let labels = found?["matchLabels"]?.object ?? (found?["matchExpressions"] == nil ? found?.object : nil) ?? [:]
        return labels.mapValues(recolored).merging(app.selector(survey.candidate).mapValues(JSON.string)) { $1 }
    }

    /// The labels in expressions of the model's selector.
    private var expressionKeys: [String] {
        (model?[at: "spec.selector.matchExpressions"]?.array ?? []).compactMap { $0["key"]?.string }
    }

    private func deploymentSelector(_ labels: [String: JSON]) -> JSON {
        var selector = recoloredSelector(model?[at: "spec.selector"] ?? [:])
        if selector["matchExpressions"] == nil { selector = [:] }
        selector["matchLabels"] = .object(labels)
        return selector
    }

    /// Replaces `blog-blue` and `blue` by the candidate's values; other values are unchanged.
    func recolored(_ value: JSON) -> JSON {
        let old = survey.candidate.other
        switch value.string {
        case app.workloadName(old): return .string(app.workloadName(survey.candidate))
        case old.rawValue: return .string(survey.candidate.rawValue)
        default: return value
        }
    }

    private var ownLabels: [String: JSON] {
        var labels = ownership.removed(from: model?[at: "metadata.labels"]).mapValues(recolored)
        labels["name"] = .string(app.workloadName(survey.candidate))
        labels[Label.managedBy] = .string(Label.viridian)
        labels[Label.version] = .string(labelValue)
        return labels
    }

    private var ownAnnotations: [String: JSON] {
        var annotations = ownership.removed(from: model?[at: "metadata.annotations"])
        // Annotations by other programs that describe the model only.
        for key in ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"] {
            annotations[key] = nil
        }
        annotations[Annotation.release] = .string("\(order.number)")
        annotations[Annotation.version] = .string(order.version)
        return annotations
    }

    /// The model's spec with all fields that are not set here: strategy, minReadySeconds, unknown fields.
    private var mirroredSpec: JSON {
        let sameKind = model?.workloadResource == (isDeployment ? .deployments : .replicationControllers)
        guard sameKind, var spec = model?["spec"] else { return [:] }
        // A paused rollout concerns the live colour; a paused candidate would create no pods.
        spec["paused"] = nil
        return spec
    }

    // MARK: - Pod template

    private func template() throws(Refusal) -> JSON {
        if let written = app.template { return try written.object() }
        if let mirrored = model?[at: "spec.template"] {
            var template = mirrored
            template[at: "metadata.creationTimestamp"] = nil
            let chosen = Set(selector.keys).union(expressionKeys).union(serviceLabels)
            for place in ["metadata.labels", "metadata.annotations"] {
                guard let found = template[at: place] else { continue }
                template[at: place] = .object(ControllingToolMetadata.removed(from: found, except: chosen))
            }
            template["spec"] = template["spec"].map(selectingOwnPods)
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

    private func containers(_ template: JSON) throws(Refusal) -> AppContainers {
        let containers = AppContainers(in: template["spec"] ?? [:], of: app)
        let names = (containers.found + containers.others).map(\.name).joined(separator: ", ")
        guard containers.missing.isEmpty else {
            throw Refusal(
                "the pod template has no container \(containers.missing.joined(separator: ", ")), "
                    + "which is in `containers` of app \(app.name)",
                details: ["containers: \(names)"])
        }
        guard !containers.found.isEmpty else {
            throw Refusal(
                "no container of the pod template has image \(app.image), so the container of \(app.name) is unknown",
                details: [
                    "containers: \(names)", "to fix: name a container \(app.name), or give one the image \(app.image)",
                ]
            )
        }
        return containers
    }
}
