import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

extension AppCluster {
    package func createCandidate(
        _ order: Order, _ survey: Survey, report: @escaping @Sendable (CreationProgress) -> Void
    ) async throws {
        do {
            try await reportingMissingRights { try await create(order, survey, report) }
        } catch let error as KubernetesError where error.isRejection {
            throw Refusal("the cluster does not accept \(app.workloadName(survey.candidate)): \(error)")
        }
    }

    private func create(_ order: Order, _ survey: Survey, _ report: @Sendable (CreationProgress) -> Void) async throws {
        let color = survey.candidate
        let name = app.workloadName(color)
        let before = try await workload(color)
        if let before, !before.isBeingDeleted {
            if before.release == order.number { return try await ensureServices() }
            // A newer release created it: the caller has lost the lease and does not know yet.
            if let newer = before.release, newer > order.number { throw LeaseLost(holder: "\(app.name)/\(newer)") }
        }
        // Before anything is created. The pods of a former workload are deleted with it.
        let strays = try await clearStrays(order, survey, beside: before) { $0.isPod(ofWorkloadCalled: name) }
        for pod in strays { report(.note("Deleted pod \(pod.name ?? "?"), which had no owner")) }
        try await ensureServices()
        // Pods of a former workload receive the candidate's requests until they have terminated.
        let gone = Set(strays.compactMap(\.uid))
        func waitForPodsGone() async throws {
            try await self.waitForPodsGone(color, and: gone, atMost: order.rules.readyTimeout, report: report)
        }
        while let present = try await workload(color) {
            if !present.isBeingDeleted {
                if present.release == order.number { return }
                // A colour that an earlier release retained for an instant rollback is used as it is. Its autoscalers, which have seen
                // no traffic and would scale it down, are deleted; it gets new ones before the switch.
                try await deleteAutoscalers(of: color)
                if try await adopt(present, order, survey) { return }
                try await delete(present)
            }
            // The workload of a failed release: the survey has verified that no node routes to it. If it was deleted in the foreground,
            // it exists until its last pod has terminated.
            try await waitForPodsGone()
            try await waitUntilGone(present)
        }
        try await waitForPodsGone()
        let model = try await survey.live.asyncMap { try await workload($0.color) } ?? nil
        let labels = try await find(.services, app.serviceName(color))?[at: "spec.selector"]?.object ?? [:]
        let candidate = CandidateWorkload(
            app: app, order: order, survey: survey, model: model, serviceLabels: Set(labels.keys))
        let (object, notes) = try candidate.makeObject()
        let warnings = try await refuseConflicts(of: object, on: color, beside: model)
        do {
            _ = try await uncancelled { try await client.create(kind, object, namespace: namespace) }
            for note in notes + warnings { report(.note(note)) }
        } catch let error as KubernetesError where error.isAlreadyExists {
            // Either the response to an earlier attempt was lost, or another client created it: reading it shows which.
            guard try await workload(color)?.release == order.number else { throw error }
        }
    }

    /// Runs `body` to its end even if this task is cancelled, so that its result is visible to later reads.
    private func uncancelled<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws
        -> Value
    {
        try await Task { try await body() }.value
    }

    private func adopt(_ present: JSON, _ order: Order, _ survey: Survey) async throws -> Bool {
        guard present.workloadResource == kind, CandidateWorkload.runs(order.image, in: present, of: app),
            present.version == order.version,
            let version = present[at: "metadata.resourceVersion"]?.string, let name = present.name
        else { return false }
        let change: JSON = [
            "metadata": ["annotations": .object([Annotation.release: .string("\(order.number)")])],
            "spec": ["replicas": .integer(Int64(survey.replicas))],
        ]
        _ = try await uncancelled {
            try await client.patch(kind, name, .merge(change, resourceVersion: version), namespace: namespace)
        }
        return true
    }

    private func ensureServices() async throws {
        for color in Color.allCases { try await ensureService(color) }
    }

    private func ensureService(_ color: Color) async throws {
        let name = app.serviceName(color)
        let port = app.port(of: color)
        if let service = try await find(.services, name) {
            let ports = service[at: "spec.ports"]?.array ?? []
            guard ports.contains(where: { $0["nodePort"]?.integer == port }) else {
                let found = ports.compactMap { $0["nodePort"]?.integer }.map(String.init).joined(separator: ", ")
                throw Refusal(
                    "service \(namespace)/\(name) has \(found.isEmpty ? "no NodePort" : "NodePort \(found)"), not \(port)",
                    details: ["correct ports.\(color) of app \(app.name), or the service"]
                )
            }
            return
        }
        let service: JSON = [
            "metadata": [
                "name": .string(name),
                "labels": .object(["name": .string(name), Label.managedBy: .string(Label.viridian)]),
            ],
            "spec": [
                "type": "NodePort",
                "ports": [
                    [
                        "port": .integer(Int64(app.ports.container)),
                        "targetPort": .integer(Int64(app.ports.container)), "nodePort": .integer(Int64(port)),
                    ]
                ],
                "selector": .object(app.selector(color).mapValues(JSON.string)),
            ],
        ]
        do {
            _ = try await client.create(.services, service, namespace: namespace)
        } catch let error as KubernetesError where error.isAlreadyExists {
            return
        } catch let error as KubernetesError where error.isRejection {
            throw Refusal("service \(namespace)/\(name) cannot have NodePort \(port): \(error)")
        }
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<T>(_ transform: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
