import AWS
import Fleet
import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

@Suite("inventories of services")
struct InventoryServicesTests {
    // MARK: - Kubernetes

    private static func node(_ name: String, _ addresses: String, _ more: String = "") -> String {
        """
        {"metadata": {"name": "\(name)"\(more)}, "status": {"addresses": [\(addresses)], "conditions":
         [{"type": "Ready", "status": "False"}]}}
        """
    }

    private static func ip(_ address: String) -> String {
        #"{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": "\#(address)"}"#
    }

    private func ask(
        _ items: [String], selector: String = "role=web", _ look: (ScriptedServer) async throws -> Void = { _ in }
    ) async throws -> [String] {
        try await withServer({ _, _ in
            .text(
                #"{"kind": "NodeList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [\#(items.joined(separator: ","))]}"#,
                headers: ["Content-Type": "application/json"])
        }) { server in
            let client = KubernetesClient(
                ClusterAccess(
                    server: server.url, tls: .system, credential: .none, namespace: "default", origin: "a test"))
            let nodes = try await KubernetesInventory(client, selector: selector, addressType: "InternalIP").nodes()
            try await look(server)
            return nodes.map(\.address)
        }
    }

    @Test("the cluster's nodes are listed by selector, including nodes that are not ready or being deleted")
    func nodes() async throws {
        let leaving = #", "deletionTimestamp": "2026-11-22T10:00:00Z""#
        let found = try await ask([
            Self.node("b", Self.ip("10.0.0.2"), leaving), Self.node("a", Self.ip("10.0.0.1")),
        ]) { server in
            let request = try #require(await server.requests.all.first)
            #expect(request.path == "/api/v1/nodes")
            #expect(request.query["labelSelector"] == "role=web")
        }
        #expect(found == ["10.0.0.1", "10.0.0.2"])
        _ = try await ask([Self.node("a", Self.ip("10.0.0.1"))], selector: "") { server in
            #expect(await server.requests.all.first?.query["labelSelector"] == nil)
        }
    }

    @Test("a node without the wanted address, two nodes with the same address, and no node are errors that name them")
    func bad() async throws {
        await #expect(
            throws: InventoryError.noAddress(
                machine: "node b", wanted: "InternalIP", has: ["ExternalIP 1.2.3.4"])
        ) {
            try await ask([
                Self.node("a", Self.ip("10.0.0.1")),
                Self.node("b", #"{"type": "ExternalIP", "address": "1.2.3.4"}"#),
            ])
        }
        await #expect(throws: InventoryError.shared(address: "10.0.0.1", machines: ["node a", "node b"])) {
            try await ask([Self.node("a", Self.ip("10.0.0.1")), Self.node("b", Self.ip("10.0.0.1"))])
        }
        await #expect(throws: InventoryError.nothingFound("node in the cluster with the labels role=web")) {
            try await ask([])
        }
        await #expect(throws: InventoryError.badAddress("-oProxyCommand=x")) {
            try await ask([Self.node("a", Self.ip("-oProxyCommand=x"))])
        }
    }

    @Test("added and removed nodes are seen at the next read")
    func fresh() async throws {
        try await withServer({ _, number in
            let items = (0...number).map { Self.node("n\($0)", Self.ip("10.0.0.\($0)")) }.joined(separator: ",")
            return .text(
                #"{"kind": "NodeList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [\#(items)]}"#,
                headers: ["Content-Type": "application/json"])
        }) { server in
            let client = KubernetesClient(
                ClusterAccess(
                    server: server.url, tls: .system, credential: .none, namespace: "default", origin: "a test"))
            let inventory = KubernetesInventory(client, selector: "", addressType: "InternalIP")
            let fleet = Fleet(inventory: inventory, transport: LocalTransport(), settings: NodeSettings())
            let counts = [try await fleet.nodes().count, try await fleet.nodes().count]
            #expect(counts == [1, 2])
            await client.shutdown()
        }
    }

    // MARK: - EC2

    private func instances(_ list: [(String, String?, String?)], address: EC2Inventory.Address) async throws -> [String]
    {
        try await withServer({ _, _ in
            let items = list.map { id, inside, outside in
                "<item><instanceId>\(id)</instanceId><instanceState><code>16</code><name>running</name></instanceState>"
                    + (inside.map { "<privateIpAddress>\($0)</privateIpAddress>" } ?? "")
                    + (outside.map { "<ipAddress>\($0)</ipAddress>" } ?? "") + "</item>"
            }.joined()
            return .text(
                "<DescribeInstancesResponse><reservationSet><item><instancesSet>\(items)</instancesSet></item>"
                    + "</reservationSet></DescribeInstancesResponse>")
        }) { server in
            let chain = CredentialChain(
                AWSEnvironment(
                    environment: ["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"], homeDirectory: "/nonexistent"
                ))
            let ec2 = try EC2(region: "us-east-1", endpoint: URL(string: server.url), credentials: chain)
            let inventory = EC2Inventory(
                ec2, region: "us-east-1", tags: ["role": "web", "env": "prod"], address: address)
            return try await inventory.nodes().map(\.address)
        }
    }

    @Test("instances are listed with their private or public address")
    func addresses() async throws {
        let list = [("i-2", "10.0.0.2", "54.0.0.2"), ("i-1", "10.0.0.1", "54.0.0.1")] as [(String, String?, String?)]
        #expect(try await instances(list, address: .private) == ["10.0.0.1", "10.0.0.2"])
        #expect(try await instances(list, address: .public) == ["54.0.0.1", "54.0.0.2"])
    }

    @Test("an instance without the wanted address, and no instance, are errors that name the search")
    func badInstances() async throws {
        await #expect(
            throws: InventoryError.noAddress(machine: "instance i-1", wanted: "public", has: ["private 10.0.0.1"])
        ) {
            try await instances([("i-1", "10.0.0.1", nil)], address: .public)
        }
        await #expect(
            throws: InventoryError.nothingFound("running EC2 instance with env=prod, role=web in us-east-1")
        ) {
            try await instances([], address: .private)
        }
    }
}
