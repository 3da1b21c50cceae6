import Kubernetes

/// The labels and annotations by which GitOps and similar programs recognize the objects that they manage.
///
/// Such a program would delete a copy that has them, because the copy is not in its sources: Argo CD prunes by
/// `app.kubernetes.io/instance` or `argocd.argoproj.io/tracking-id`, Flux by `kustomize.toolkit.fluxcd.io/*`, k3s and Rancher Fleet by
/// `objectset.rio.cattle.io/*`, kapp by `kapp.k14s.io/*`, `kubectl apply --prune` by `applyset.kubernetes.io/*`.
struct ControllingToolMetadata: Hashable {
    /// The keys for each program.
    private(set) var keys: [String: Set<String>] = [:]

    var isEmpty: Bool { keys.isEmpty }

    /// The programs' names, sorted.
    var programs: [String] { keys.keys.sorted() }

    /// `argocd.argoproj.io/tracking-id (Argo CD), helm.sh/chart (Helm)`
    var sentence: String {
        keys.sorted { $0.key < $1.key }.map { program, keys in
            "\(keys.sorted().joined(separator: ", ")) (\(program))"
        }.joined(separator: ", ")
    }

    /// Programs by the domain of a key, subdomains included.
    private static let programs = [
        "argoproj.io": "Argo CD", "fluxcd.io": "Flux", "helm.sh": "Helm", "rio.cattle.io": "k3s or Rancher",
        "fleet.cattle.io": "Rancher Fleet", "kapp.k14s.io": "kapp", "applyset.kubernetes.io": "kubectl apply --prune",
        "addonmanager.kubernetes.io": "the addon manager", "configsync.gke.io": "Config Sync",
        "configmanagement.gke.io": "Config Sync", "olm.operatorframework.io": "Operator Lifecycle Manager",
        "operators.coreos.com": "Operator Lifecycle Manager", "skaffold.dev": "Skaffold", "werf.io": "werf",
    ]
    /// Programs by a full key.
    private static let single = ["config.k8s.io/owning-inventory": "kpt"]

    private static func program(of key: String) -> String? {
        if let program = single[key] { return program }
        guard let slash = key.firstIndex(of: "/") else { return nil }
        let domain = key[..<slash]
        return programs.first { domain == $0.key || domain.hasSuffix("." + $0.key) }?.value
    }

    /// The ownership metadata of an object.
    init(of object: JSON) {
        let labels = object[at: "metadata.labels"]?.object ?? [:]
        let annotations = object[at: "metadata.annotations"]?.object ?? [:]
        for key in Array(labels.keys) + Array(annotations.keys) {
            if let program = ControllingToolMetadata.program(of: key) { keys[program, default: []].insert(key) }
        }
        // Recommended labels that anyone may set: they count only if the program manages the object.
        let managers = (object[at: "metadata.managedFields"]?.array ?? []).compactMap { $0["manager"]?.string }
        let isByArgo = keys["Argo CD"] != nil || managers.contains { $0.hasPrefix("argocd") }
        if isByArgo, labels["app.kubernetes.io/instance"] != nil {
            keys["Argo CD", default: []].insert("app.kubernetes.io/instance")
        }
        if labels["app.kubernetes.io/managed-by"] == "Helm" {
            keys["Helm", default: []].insert("app.kubernetes.io/managed-by")
        }
        if ["Helm", "Tiller"].contains(labels["heritage"]?.string) { keys["Helm", default: []].insert("heritage") }
    }

    /// An object's labels or annotations without these keys.
    func removed(from members: JSON?) -> [String: JSON] {
        let all = keys.values.reduce(into: Set<String>()) { $0.formUnion($1) }
        return (members?.object ?? [:]).filter { !all.contains($0.key) }
    }

    /// A pod template's labels or annotations without the keys of any program, except those in `chosen`, which selectors use.
    static func removed(from members: JSON, except chosen: Set<String>) -> [String: JSON] {
        (members.object ?? [:]).filter { chosen.contains($0.key) || program(of: $0.key) == nil }
    }
}
