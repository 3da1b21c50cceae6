import Controller
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// The image of an app that runs already, from the workload that serves its visitors.
struct AdoptedImage: Sendable {
    /// The workload of the live colour; `nil` where nothing runs and the caller said the image.
    var workload: RunningApp.Workload?
    var color: Color?
    /// The container's port.
    var port: Int
    /// Without tag and digest.
    var repository: String
    /// `nil`: every container of the repository gets a release's image.
    var containers: [String]?
    /// Where the image was found.
    var origin: String
    /// The container that serves; `nil` where nothing runs.
    var container: RunningApp.Container?

    /// `serving` are both colours, the one that serves first.
    /// - Throws: `Refusal` where the app's image or its container is not known.
    init(_ facts: AdoptionFacts, _ services: AdoptedServices, serving: [Color]) throws(Refusal) {
        color = serving.first { facts.workload($0) != nil }
        workload = color.flatMap(facts.workload)
        guard let workload, let color else {
            guard let image = facts.image else { throw Self.noWorkload(facts, services) }
            guard let port = services.containerPort(serving[0], nil) else { throw Self.noPort(facts) }
            self.port = port
            repository = image
            origin = "as said by --image"
            return
        }
        guard let port = services.containerPort(color, workload) else { throw Self.noPort(facts) }
        self.port = port
        if let image = facts.image {
            repository = image
            origin = "as said by --image"
            container = workload.containers.first { $0.repository == image && !$0.isInit }
            return
        }
        let serving = workload.containers.filter { !$0.isInit }
        let onPort = serving.filter { $0.ports.contains { $0.number == port } }
        let chosen =
            serving.count == 1
            ? serving[0]
            : onPort.count == 1
                ? onPort[0] : onPort.isEmpty ? serving.first { $0.name == facts.app.text } : nil
        guard let chosen else { throw Self.severalContainers(facts, workload, port) }
        guard let repository = chosen.repository else {
            throw Refusal(
                "the image of container \(chosen.name) of \(workload.title) cannot be read: \"\(chosen.image)\"",
                details: ["to do: say the app's: viridian adopt \(facts.app) --image REPOSITORY"])
        }
        self.repository = repository
        container = chosen
        origin =
            "of container \(chosen.name) of \(workload.title); the version is its tag, \(chosen.version ?? "which it has not")"
    }

    /// The version that the workload runs; `nil` where its image has no tag.
    static func version(of workload: RunningApp.Workload, repository: String) -> String? {
        workload.containers.first { $0.repository == repository }?.version
    }

    // MARK: - Refusals

    private static func noPort(_ facts: AdoptionFacts) -> Refusal {
        Refusal("the services of \(facts.app) do not say to which port of the containers they send requests")
    }

    private static func severalContainers(
        _ facts: AdoptionFacts, _ workload: RunningApp.Workload, _ port: Int
    ) -> Refusal {
        let list = workload.containers.filter { !$0.isInit }.map { container in
            let ports = container.ports.map { "\($0.number)" }.joined(separator: ", ")
            return "container \(container.name): \(container.image)" + (ports.isEmpty ? "" : ", port \(ports)")
        }
        return Refusal(
            "\(workload.title) has several containers, and none alone listens on port \(port), so it is not known which one is the app's",
            details: list + ["to do: say the app's image: viridian adopt \(facts.app) --image REPOSITORY"])
    }

    private static func noWorkload(_ facts: AdoptionFacts, _ services: AdoptedServices) -> Refusal {
        var details: [String] = []
        for color in Color.allCases {
            guard let service = services.services[color] else { continue }
            for workload in facts.running.workloads where service.selects(workload.labels) {
                details.append("service \(service.name) sends requests to the pods of \(workload.title)")
            }
        }
        let names = Color.allCases.map(facts.name).joined(separator: " or ")
        let isEmpty = details.isEmpty
        if isEmpty { details.append("no workload of namespace \(facts.namespace) has pods that the services select") }
        details.append(
            isEmpty
                ? "to do: say the image of the first release: viridian adopt \(facts.app) --image REPOSITORY"
                : "to do: run the app as a ReplicationController or Deployment \(names), with pods labelled name=…, before it is adopted"
        )
        return Refusal(
            "namespace \(facts.namespace) has no ReplicationController or Deployment \(names), which is what Viridian releases",
            details: details)
    }
}

extension RunningApp.Container {
    /// The image without tag and digest; `nil` where it is not an image's name.
    var repository: String? { (try? ImageReference(image))?.name }

    var version: String? { (try? ImageReference(image))?.tag }
}
