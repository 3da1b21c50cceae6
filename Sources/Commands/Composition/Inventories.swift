import AWS
import Controller
import Fleet
import Kubernetes
import Processes
import ViridianConfiguration

extension NodesConfiguration {
    /// The list of nodes that the configuration names, asked anew for every use; `nil` where it comes from a cluster that is not there.
    func inventory(in cluster: KubernetesClient?) throws -> (any FleetInventory)? {
        switch inventory {
        case .fixed(let addresses): return try StaticInventory(addresses)
        case .kubernetes(let nodes):
            guard let cluster else { return nil }
            return KubernetesInventory(cluster, selector: nodes.selector, addressType: nodes.address.rawValue)
        case .ec2(let instances):
            return EC2Inventory(
                try AWS.EC2(region: instances.region, endpoint: instances.endpoint, credentials: .standard),
                region: instances.region, tags: instances.tags,
                address: instances.address == .private ? .private : .public)
        }
    }
}

extension CredentialChain {
    /// The credentials of this process, one chain for everything that asks AWS.
    static let standard = CredentialChain(
        AWSSurroundings(run: { words in
            guard let program = words.first else { throw Refusal("no program is named") }
            let completed = try await Command(program, Array(words.dropFirst())).run(deadline: .seconds(60))
            guard completed.succeeded else {
                let last = completed.error.split(separator: "\n").last.map { ": \($0)" } ?? ""
                throw Refusal("\(program) \(completed.termination)\(last)")
            }
            return completed.output
        }))
}
