import Kubernetes

/// Writes services, so that their node ports are listening when the response is sent.
extension APIServer {
    /// Writes a service: a dry run allocates the ports, then they are bound, then the service is written. `write` creates or
    /// changes the service; when it is given the object of the dry run, it writes that object.
    func withNodePorts(
        _ object: JSON?, dryRun: Bool, write: (_ object: JSON?, _ dryRun: Bool) async throws -> JSON
    ) async throws -> JSON {
        while true {
            let draft = try await write(object, true)
            if dryRun { return draft }
            let owner = draft.meta.key
            var reserved: [(port: Int, isNew: Bool)] = []
            func release() async {
                for (port, isNew) in reserved { await proxy.release(port, of: owner, closing: isNew) }
            }
            do {
                for port in Objects.nodePorts(of: draft) {
                    reserved.append((port, try await proxy.reserve(port, for: owner)))
                }
            } catch let error as PortUnavailable {
                await release()
                let isRequested = object.map { Objects.nodePorts(of: $0).contains(error.port) } ?? true
                guard isRequested else {
                    // The cluster allocated the port: allocate another.
                    await store.perform { _ = $0.unavailablePorts.insert(error.port) }
                    continue
                }
                throw await refused(draft, error)
            }
            do {
                let written = try await write(draft.forWriting, false)
                await proxy.serviceChanged(written)
                return written
            } catch {
                await release()
                throw error
            }
        }
    }

    private func refused(_ service: JSON, _ error: PortUnavailable) async -> StatusError {
        let ports = service[at: "spec.ports"]?.array ?? []
        let index = ports.firstIndex { $0["nodePort"]?.integer == error.port } ?? 0
        let text = "provided port is in use by another program on this machine: \(error.reason)"
        await events.record(
            service, .services, .warning, "PortNotAvailable", "node port \(error.port): \(text)",
            component: "service-proxy")
        return .invalid(
            .services, service.meta.name,
            [.invalid("spec.ports[\(index)].nodePort", String(error.port), text)])
    }
}

extension JSON {
    /// The object of the dry run as a client would send it.
    fileprivate var forWriting: JSON {
        var copy = self
        if copy.meta.resourceVersion.isEmpty { copy[at: "metadata.uid"] = nil }
        return copy
    }
}
