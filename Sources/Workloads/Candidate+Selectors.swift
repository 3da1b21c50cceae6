import Kubernetes

/// Selectors of a mirrored workload that mean its own pods go on to mean its own.
extension Candidate {
    /// A pod spec whose rules about neighbours (affinity, spreading) name the candidate's pods where the model's named the model's:
    /// "not two of us on one machine" would otherwise keep the candidate off every machine that the live colour is on.
    func meaningOwnPods(_ spec: JSON) -> JSON {
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

    /// A `LabelSelector` with the colour's values as the candidate's.
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
