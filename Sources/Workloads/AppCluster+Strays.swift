import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// Pods that receive a colour's requests and do not belong to its workload: from an older workload, created by hand, or of another app.
struct Strays {
    let app: AppConfiguration
    let order: Order
    let survey: Survey
    var pods: [JSON]

    private var color: Color { survey.candidate }

    /// Before a first release they may serve visitors, so they are not deleted.
    static func mayBeRemoved(_ survey: Survey) -> Bool { survey.live != nil }

    /// Why the release stops, and what to do.
    var refusal: Refusal {
        let names = pods.map { $0.name ?? "?" }
        let ownerless = pods.filter { $0.owner == nil }
        var details = pods.map { pod in
            let place = pod.machine.map { " on \($0)" } ?? ""
            return "\(pod.name ?? "?")\(place) runs \(pod.images.joined(separator: ", ")) and "
                + (pod.owner.map { "belongs to \($0)" } ?? "has no owner")
        }
        if !ownerless.isEmpty {
            let kubectl =
                "kubectl -n \(app.namespace) delete pod " + ownerless.map { $0.name ?? "?" }.joined(separator: " ")
            let deploy = "viridian deploy \(order.app) --version \(order.version) --remove-strays"
            let mayDeploy = order.kind == .deploy && Strays.mayBeRemoved(survey)
            details.append("to fix: " + (mayDeploy ? "\(deploy), or \(kubectl)" : kubectl))
        }
        let owned = Set(pods.compactMap { $0.owner?.description }).sorted()
        if !owned.isEmpty {
            let labels = app.selector(color).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",")
            details.append(
                "to fix: \(owned.joined(separator: ", ")) would recreate such pods: give its pods other labels than \(labels), "
                    + "or change the selector of service \(app.serviceName(color))")
        }
        return Refusal(
            "\(counted(names.count, "pod")) that \(names.count == 1 ? "does" : "do") not belong to this release would receive "
                + "requests for \(color): \(names.joined(separator: ", "))",
            details: details)
    }
}

extension AppCluster {
    /// Makes sure that only `workload`'s pods receive the colour's requests. Deletes pods without an owner if the order says so.
    ///
    /// `isLeaving` is true for terminating pods of a former workload, which are waited for elsewhere.
    /// - Returns: the pods that were deleted.
    /// - Throws: `Refusal` with the pods that block the candidate.
    func clearStrays(
        _ order: Order, _ survey: Survey, beside workload: JSON?, isLeaving: (JSON) -> Bool = { _ in false }
    )
        async throws -> [JSON]
    {
        let found = try await podsAnswering(as: survey.candidate).filter { pod in
            pod.mayServe && !(workload.map { pod.isPod(of: $0) } ?? false) && !isLeaving(pod)
        }
        let removes = order.removeStrays == true && Strays.mayBeRemoved(survey)
        let removable = removes ? found.filter { $0.owner == nil } : []
        let left = found.filter { pod in !removable.contains { $0.uid == pod.uid } }
        guard left.isEmpty else { throw Strays(app: app, order: order, survey: survey, pods: left).refusal }
        for pod in removable {
            do {
                _ = try await client.delete(.pods, pod.name ?? "", namespace: namespace, uid: pod.uid)
            } catch let error as KubernetesError where error.isNotFound || error.isConflict {
                continue  // Already deleted, or another pod of that name, which the next check finds.
            }
        }
        return removable
    }

    /// The names of the pods that would block a release to a colour.
    package func strays(of color: Color) async throws -> [String] {
        let name = app.workloadName(color)
        return try await podsAnswering(as: color)
            .filter { $0.mayServe && !$0.isPod(ofWorkloadCalled: name) }.compactMap(\.name)
    }

    /// Every pod with the colour's labels, and every pod that its service selects by other labels.
    private func podsAnswering(as color: Color) async throws -> [JSON] {
        var pods = try await client.list(.pods, namespace: namespace, labels: selector(color)).items
        let service = try await find(.services, app.serviceName(color))
        let selected = (service?[at: "spec.selector"]?.object ?? [:]).compactMapValues(\.string)
        if !selected.isEmpty, selected != app.selector(color) {
            let labels = selected.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
            let more = try await client.list(.pods, namespace: namespace, labels: labels).items
            pods += more.filter { pod in !pods.contains { $0.uid == pod.uid } }
        }
        return pods.sorted { $0.name ?? "" < $1.name ?? "" }
    }
}
