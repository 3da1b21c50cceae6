import Kubernetes

/// Allocation of cluster addresses and node ports.
extension Objects {
    /// Allocates the addresses and ports that a service leaves open, and refuses those of other services.
    func allocate(_ service: inout JSON, replacing old: JSON?) throws {
        var spec = service["spec"] ?? [:]
        let kind = spec["type"]?.string ?? "ClusterIP"
        let others = list(.services).filter { $0.meta.key != service.meta.key }
        if kind != "ExternalName" {
            var address = spec["clusterIP"]?.string ?? old?[at: "spec.clusterIP"]?.string ?? ""
            if address.isEmpty {
                address = freeClusterAddress(Set(others.compactMap { $0[at: "spec.clusterIP"]?.string }))
            }
            spec["clusterIP"] = .string(address)
            spec["clusterIPs"] = [.string(address)]
        }
        if kind == "NodePort" || kind == "LoadBalancer" {
            spec["ports"] = .array(try nodePorts(for: service, old, taken: Set(others.flatMap(Self.nodePorts(of:)))))
        } else {
            spec["ports"] = (spec["ports"]?.array).map { ports in
                .array(
                    ports.map {
                        var port = $0
                        port["nodePort"] = nil
                        return port
                    })
            }
        }
        service["spec"] = spec
    }

    static func nodePorts(of service: JSON) -> [Int] {
        (service[at: "spec.ports"]?.array ?? []).compactMap { $0["nodePort"]?.integer }.filter { $0 != 0 }
    }

    private func nodePorts(for service: JSON, _ old: JSON?, taken: Set<Int>) throws -> [JSON] {
        var taken = taken
        var ports = service[at: "spec.ports"]?.array ?? []
        var problems: [FieldProblem] = []
        let range = limits.nodePorts
        for (index, port) in ports.enumerated() {
            guard let wanted = port["nodePort"]?.integer, wanted != 0 else { continue }
            let field = "spec.ports[\(index)].nodePort"
            if !range.contains(wanted) {
                problems.append(
                    .invalid(
                        field, String(wanted),
                        "provided port is not in the valid range. The range of valid ports is "
                            + "\(range.lowerBound)-\(range.upperBound)"))
            } else if !taken.insert(wanted).inserted {
                problems.append(.invalid(field, String(wanted), "provided port is already allocated"))
            }
        }
        guard problems.isEmpty else { throw StatusError.invalid(.services, service.meta.name, problems) }
        // An update without node ports keeps the existing ones.
        let before = old.map { $0[at: "spec.ports"]?.array ?? [] } ?? []
        for (index, port) in ports.enumerated() where (port["nodePort"]?.integer ?? 0) == 0 {
            let kept = before.first { $0["port"] == port["port"] && $0["protocol"] == port["protocol"] }?["nodePort"]?
                .integer
            if let kept, kept != 0, taken.insert(kept).inserted {
                ports[index]["nodePort"] = .int(kept)
                continue
            }
            let free = range.lazy.shuffled().first { !taken.contains($0) && !unavailablePorts.contains($0) }
            guard let free else {
                throw StatusError(
                    code: 500, reason: "InternalError",
                    message: "Internal error occurred: failed to allocate a nodePort: range is full")
            }
            taken.insert(free)
            ports[index]["nodePort"] = .int(free)
        }
        return ports
    }

    private func freeClusterAddress(_ taken: Set<String>) -> String {
        while true {
            let address = "10.96.\(Int.random(in: 1...255)).\(Int.random(in: 1...254))"
            if !taken.contains(address) { return address }
        }
    }
}
