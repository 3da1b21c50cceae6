import Testing
import ViridianConfiguration

@testable import Commands

@Suite("The commands that init and app add print")
struct NextCommandsTests {
    private func apply(_ name: String?, _ kubernetes: KubernetesConfiguration) throws -> String {
        let next = NextCommands(
            file: "viridian.yaml", app: "y",
            cluster: ClusterConfiguration(
                name: name, kubernetes: kubernetes, nodes: NodesConfiguration(inventory: .fixed(["10.0.0.1"]))))
        return try #require(next.lines.first)
    }

    @Test("kubectl gets the kubeconfig and the context that are configured, also for the cluster without a name")
    func kubeconfig() throws {
        for name in [nil, "west"] {
            let line = try apply(name, .init(kubeconfig: "/x/it.kc", context: "main"))
            #expect(line.hasSuffix("| kubectl --kubeconfig /x/it.kc --context main apply -f -"), "\(line)")
        }
        #expect(try apply(nil, .init()).hasSuffix("| kubectl apply -f -"))
    }
}
