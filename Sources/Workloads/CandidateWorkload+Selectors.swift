import Kubernetes

/// Rewrites the selectors of a mirrored workload that match its own pods.
extension CandidateWorkload {
    /// Returns the pod spec with affinity and spreading rules that match the candidate's pods instead of the model's. Otherwise an
    /// anti-affinity rule would keep the candidate off every machine of the live colour.
    func selectingOwnPods(_ spec: JSON) -> JSON {
        var spec = spec
        for path in ["affinity.podAffinity", "affinity.podAntiAffinity", "topologySpreadConstraints"] {
            if let rules = spec[at: path] { spec[at: path] = recoloredSelectors(in: rules) }
        }
        return spec
    }

    private func recoloredSelectors(in value: JSON) -> JSON {
        switch value {
        case .array(let items): return .array(items.map(recoloredSelectors))
        case .object(let members):
            return .object(
                Dictionary(
                    uniqueKeysWithValues: members.map { key, value in
                        (key, key == "labelSelector" ? recoloredSelector(value) : recoloredSelectors(in: value))
                    }))
        default: return value
        }
    }

    /// Returns a `LabelSelector` with the candidate's colour in place of the model's.
    func recoloredSelector(_ selector: JSON) -> JSON {
        var selector = selector
        if let labels = selector["matchLabels"]?.object {
            selector["matchLabels"] = .object(labels.mapValues(recolored))
        }
        if let expressions = selector["matchExpressions"]?.array {
            selector["matchExpressions"] = .array(
                expressions.map { expression in
                    var expression = expression
                    if let values = expression["values"]?.array {
                        expression["values"] = .array(values.map(recolored))
                    }
                    return expression
                })
        }
        return selector
    }
}
