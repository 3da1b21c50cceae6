import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

extension AppCluster {
    package func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize {
        try await reportingMissingRights {
            // New stray pods may have been created since the candidate was.
            let strays = try await clearStrays(
                order, survey, beside: try await workload(survey.candidate))
            let notes = strays.map { "Deleted pod \($0.name ?? "?"), which had no owner" }
            guard let live = survey.live?.color else { return CandidateSize(replicas: survey.replicas, notes: notes) }
            async let found = workload(live)
            async let scalers = autoscalers(of: live)
            var size = try await scale(order, survey, by: try await found)
            if let note = try await mirror(try await scalers, order, survey.candidate) { size.notes.append(note) }
            size.notes = notes + size.notes
            return size
        }
    }

    private func scale(_ order: Order, _ survey: Survey, by live: JSON?) async throws -> CandidateSize {
        var size = CandidateSize(replicas: survey.replicas)
        if order.replicas == nil { size.replicas = max(size.replicas, live?[at: "spec.replicas"]?.count ?? 0) }
        let change: JSON = ["spec": ["replicas": .integer(Int64(size.replicas))]]
        var conflicts = client.conflictRetry(for: kind, app.workloadName(survey.candidate), namespace: namespace)
        while true {
            guard let candidate = try await workload(survey.candidate), !candidate.isBeingDeleted,
                candidate.release == order.number, let version = candidate[at: "metadata.resourceVersion"]?.string
            else {
                throw Refusal("the candidate \(app.workloadName(survey.candidate)) was deleted by another client")
            }
            let present = candidate[at: "spec.replicas"]?.integer ?? 1
            if present >= size.replicas { return size }
            do {
                _ = try await client.patch(
                    candidate.workloadResource, app.workloadName(survey.candidate),
                    .merge(change, resourceVersion: version), namespace: namespace)
            } catch let error as KubernetesError where error.isConflict || error.isNotFound {
                try await conflicts.waitToRetry(after: error)
                continue
            }
            size.notes.append(
                "\(survey.candidate) is scaled from \(present) to \(size.replicas) replicas, as many as the live colour has"
            )
        }
    }

    // MARK: Autoscalers

    /// The autoscalers of a colour's workload.
    enum Autoscalers {
        /// With the API version in which they were read.
        case found([JSON], Resource)
        case denied(KubernetesError)

        var isEmpty: Bool { if case .found(let list, _) = self { list.isEmpty } else { false } }
    }

    func autoscalers(of color: Color) async throws -> Autoscalers {
        for resource in Resource.horizontalPodAutoscalers {
            do {
                let all = try await client.list(resource, namespace: namespace).items
                let own = all.filter {
                    let target = $0[at: "spec.scaleTargetRef"]
                    return target?["name"]?.string == app.workloadName(color)
                        && ["ReplicationController", "Deployment"].contains(target?["kind"]?.string)
                }
                return .found(own, resource)
            } catch let error as KubernetesError where error.isNotFound {
                continue  // This API server does not have this version.
            } catch let error as KubernetesError where error.isDenied {
                return .denied(error)
            }
        }
        return .found([], Resource.horizontalPodAutoscalers[0])
    }

    /// Copies the live colour's autoscalers to the candidate. Called right before the switch: an autoscaler that sees no traffic would
    /// scale the candidate down.
    /// - Returns: a note for the release's log.
    private func mirror(_ live: Autoscalers, _ order: Order, _ candidate: Color) async throws -> String? {
        switch live {
        case .denied(let error): return "The autoscalers of the live colour could not be read: \(error)"
        case .found(let models, let resource):
            guard !models.isEmpty, try await autoscalers(of: candidate).isEmpty,
                let target = try await workload(candidate)
            else { return nil }
            for model in models {
                let copy = CandidateAutoscaler(app: app, order: order, candidate: candidate, model: model)
                do {
                    _ = try await client.create(resource, copy.object(for: target), namespace: namespace)
                } catch let error as KubernetesError where error.isAlreadyExists || error.isRejection || error.isDenied
                {
                    return "\(candidate) gets no autoscaler like \(model.name ?? "?"): \(error)"
                }
            }
            let ownership = models.map { ControllingToolMetadata(of: $0) }.filter { !$0.isEmpty }.map(\.sentence)
            return "\(candidate) gets an autoscaler like \(models.compactMap(\.name).joined(separator: ", "))"
                + (ownership.isEmpty ? "" : "; not copied: \(ownership.joined(separator: ", "))")
        }
    }

    /// Called before the workload is deleted. Without the right to delete them they stay: an autoscaler without a target does nothing.
    func deleteAutoscalers(of color: Color) async throws {
        guard case .found(let list, let resource) = try await autoscalers(of: color) else { return }
        for scaler in list {
            do {
                _ = try await client.delete(
                    resource, scaler.name ?? "", namespace: namespace, uid: scaler[at: "metadata.uid"]?.string)
            } catch let error as KubernetesError where error.isNotFound || error.isConflict || error.isDenied {
                continue
            }
        }
    }
}
