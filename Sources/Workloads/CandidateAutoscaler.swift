import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The HorizontalPodAutoscaler of a candidate: a copy of the live colour's with another name and target.
struct CandidateAutoscaler {
    var app: AppConfiguration
    var order: Order
    var candidate: Color
    /// The live colour's autoscaler, in any API version.
    var model: JSON

    /// The object to create, with the candidate's workload as its target.
    func object(for target: JSON) -> JSON {
        var spec = recolored(model["spec"] ?? [:])
        spec["scaleTargetRef"] = [
            "apiVersion": .string(target.workloadResource.apiVersion),
            "kind": .string(target.workloadResource.kind),
            "name": .string(app.workloadName(candidate)),
        ]
        let ownership = ControllingToolMetadata(of: model)
        var labels = ownership.removed(from: model[at: "metadata.labels"]).mapValues(recolored)
        labels[Label.managedBy] = .string(Label.viridian)
        var annotations = ownership.removed(from: model[at: "metadata.annotations"])
        // autoscaling/v1 stores part of the status in annotations. Metrics and behaviour, also stored there, are settings and are copied.
        for key in [
            "kubectl.kubernetes.io/last-applied-configuration", "autoscaling.alpha.kubernetes.io/conditions",
            "autoscaling.alpha.kubernetes.io/current-metrics",
        ] {
            annotations[key] = nil
        }
        annotations[Annotation.release] = .string("\(order.number)")
        return [
            "metadata": [
                "name": .string(name), "labels": .object(labels), "annotations": .object(annotations),
            ],
            "spec": spec,
        ]
    }

    /// `blog-blue` becomes `blog-green`; the candidate's colour is appended to a name without one.
    private var name: String {
        var parts = (model.name ?? app.workloadName(candidate.other)).split(
            separator: "-", omittingEmptySubsequences: false
        ).map(String.init)
        if let place = parts.lastIndex(of: candidate.other.rawValue) {
            parts[place] = candidate.rawValue
        } else {
            parts.append(candidate.rawValue)
        }
        return parts.joined(separator: "-")
    }

    /// Metrics may refer to the colour's pods or service.
    private func recolored(_ value: JSON) -> JSON {
        switch value {
        case .string(app.workloadName(candidate.other)): .string(app.workloadName(candidate))
        case .array(let items): .array(items.map(recolored))
        case .object(let members): .object(members.mapValues(recolored))
        default: value
        }
    }
}
