import Foundation
import Kubernetes
import Nginx
import TestSupport
import Testing

extension ShortCommands {
    /// The state for the one machine that has kubectl.
    @Suite(.needs("salt-call", "kubectl"), .needsMachine) struct SaltServicesTests {
        @Test("Salt applies the services where the cluster differs from the files, and nothing where it does not")
        func services() async throws {
            try await withWorld(nodes: 1) { world in
                let rendered = try await world.viridian("render", "salt", "--into", "states")
                #expect(rendered.status == 0, "\(rendered)")
                let minion = try SaltMinion(
                    in: world.directory + "/states", pillar: "viridian: {kubeconfig: \(world.directory)/kubeconfig}")
                try await NodeMachine.with(world.directory + "/machine", sharesNetwork: true) { machine in
                    let first = try await minion.apply("kubernetes.services", on: machine)
                    let hasApplied = first.values.allSatisfy { $0.succeeded }
                    #expect(hasApplied, "\(first)")
                    let green = try await world.client.get(.services, "blog-green", namespace: "blog")
                    #expect(green[at: "spec.ports"]?[0]?["nodePort"]?.integer == world.ports.green)
                    let second = try await minion.apply("kubernetes.services", on: machine)
                    #expect(second.values.allSatisfy { $0.succeeded && $0.changed == [] }, "\(second)")

                    _ = try await world.client.delete(.services, "blog-green", namespace: "blog")
                    let third = try await minion.apply("kubernetes.services", on: machine)
                    #expect(third["kubernetes-services"]?.changed.isEmpty == false, "\(third)")
                    _ = try await world.client.get(.services, "blog-green", namespace: "blog")
                }
            }
        }
    }
}
