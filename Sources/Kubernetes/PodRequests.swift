/// What a pod asks its machine for.
extension JSON {
    /// How much of a resource (`cpu`, `memory`) the pods of this pod spec ask for.
    ///
    /// Containers run together, and after the init containers, of which each runs alone.
    /// Source: <https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers>
    /// - Parameters:
    ///   - resource: Its name.
    ///   - otherwise: What a container gets that says nothing (a LimitRange); `nil` if that is not known.
    /// - Returns: The amount; 0 for what is not known.
    package func podRequests(of resource: String, default otherwise: Quantity? = nil) -> Quantity {
        func asked(_ container: JSON) -> Double {
            let resources = container["resources"]
            let own = Quantity(resources?["requests"]?[resource]) ?? Quantity(resources?["limits"]?[resource])
            return (own ?? otherwise)?.value ?? 0
        }
        let together = (self["containers"]?.array ?? []).map(asked).reduce(0, +)
        return Quantity(max(together, (self["initContainers"]?.array ?? []).map(asked).max() ?? 0))
    }
}
