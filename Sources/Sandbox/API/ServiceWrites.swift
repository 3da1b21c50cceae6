import Kubernetes

/// Services whose node ports are listening when the request is answered.
extension APIServer {
    /// Writes a service in two steps: a trial says which ports it gets, then they are bound, then it is written. `write`
    /// creates or changes the service; given the object of the trial it writes that one.
    func withNodePorts(
        _ object: JSON?, dryRun: Bool, write: (_ object: JSON?, _ dryRun: Bool) async throws -> JSON
    ) async throws -> JSON {
        while true {
            let trial = try await write(object, true)
            if dryRun { return trial }
            let owner = trial.meta.key
            var reserved: [(port: Int, isNew: Bool)] = []
            func release() async {
                for (port, isNew) in reserved { await proxy.release(port, of: owner, closing: isNew) }
            }
            do {
                for port in Objects.nodePorts(of: trial) {
                    reserved.append((port, try await proxy.reserve(port, for: owner)))
                }
            } catch let error as PortUnavailable {
                await release()
                let wasAsked = object.map { Objects.nodePorts(of: $0).contains(error.port) } ?? true
                guard wasAsked else {
                    // The cluster chose it: it chooses another.
                    await store.perform { _ = $0.unavailablePorts.insert(error.port) }
                    continue
                }
                throw await refused(trial, error)
            }
            do {
                let written = try await write(trial.forWriting, false)
                await proxy.serviceChanged(written)
                return written
            } catch {
                await release()
                throw error
            }
        }
    }

    private func refused(_ service: JSON, _ error: PortUnavailable) async -> APIError {
        let ports = service[at: "spec.ports"]?.array ?? []
        let index = ports.firstIndex { $0["nodePort"]?.integer == error.port } ?? 0
        let text = "provided port is in use on this machine by another program: \(error.reason)"
        await events.record(
            service, .services, .warning, "PortNotAvailable", "node port \(error.port): \(text)",
            component: "service-proxy")
        return .invalid(
            .services, service.meta.name,
            [.invalid("spec.ports[\(index)].nodePort", String(error.port), text)])
    }
}

extension JSON {
    /// The object of a trial as a client would send it: a new one carries no resource version.
    fileprivate var forWriting: JSON {
        var copy = self
        if copy.meta.resourceVersion.isEmpty { copy[at: "metadata.uid"] = nil }
        return copy
    }
}
