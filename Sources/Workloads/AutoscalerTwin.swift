import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The HorizontalPodAutoscaler of a candidate: the one of the live colour with another name and another target.
struct AutoscalerTwin {
    var app: AppConfiguration
    var order: Order
    var candidate: Color
    /// As the API gave it, in whatever version.
    var model: JSON

    /// What to create, for the candidate's workload as its target.
    func object(for target: JSON) -> JSON {
        var spec = recolored(model["spec"] ?? [:])
        spec["scaleTargetRef"] = [
            "apiVersion": .string(target.workloadResource.apiVersion),
            "kind": .string(target.workloadResource.kind),
            "name": .string(app.workloadName(candidate)),
        ]
        let marks = OwnershipMarks(of: model)
        var labels = marks.removed(from: model[at: "metadata.labels"]).mapValues(recolored)
        labels[Label.managedBy] = .string(Label.viridian)
        var annotations = marks.removed(from: model[at: "metadata.annotations"])
        // In autoscaling/v1 part of the status is kept in annotations; metrics and behaviour, kept there too, are settings.
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

    /// `blog-blue` becomes `blog-green`; a name without a colour gets one at its end.
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

    /// Metrics may be of the colour's own pods or service.
    private func recolored(_ value: JSON) -> JSON {
        switch value {
        case .string(app.workloadName(candidate.other)): .string(app.workloadName(candidate))
        case .array(let items): .array(items.map(recolored))
        case .object(let members): .object(members.mapValues(recolored))
        default: value
        }
    }
}
