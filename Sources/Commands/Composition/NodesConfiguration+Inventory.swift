import AWS
import Controller
import Fleet
import Kubernetes
import Processes
import ViridianConfiguration

extension NodesConfiguration {
    /// The configured inventory, which is read again for every use; `nil` if it is a cluster's and there is no cluster.
    func inventory(in cluster: KubernetesClient?) throws -> (any NodeInventory)? {
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
    /// The credentials of this process, one chain for all calls to AWS.
    static let standard = CredentialChain(
        AWSEnvironment(run: { command in
            guard let program = command.first else { throw Refusal("the command is empty") }
            let completed = try await Command(program, Array(command.dropFirst())).run(deadline: .seconds(60))
            guard completed.succeeded else {
                let last = completed.error.split(separator: "\n").last.map { ": \($0)" } ?? ""
                throw Refusal("\(program) \(completed.termination)\(last)")
            }
            return completed.output
        }))
}
