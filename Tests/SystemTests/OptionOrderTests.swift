import Foundation
import Testing

extension ShortCommands {
    /// Options in every order.
    @Suite struct OptionOrderTests {
        @Test("a deploy that did not happen never exits 0, in any order of its arguments")
        func deploy() async throws {
            let directory = FileManager.default.temporaryDirectory.path + "/viridian-order-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let viridian = try Program(in: directory)
            // There is no cluster to release to.
            try Data(
                """
                journal: viridian.sqlite
                kubernetes: {kubeconfig: nowhere}
                nodes: {inventory: static, static: [127.0.0.1], transport: local}
                apps: apps/*.yaml

                """.utf8
            ).write(to: URL(fileURLWithPath: directory + "/x.yaml"))
            try Data(
                "app: shop\nports: {container: 9000, blue: 30000, green: 30001}\nimage: registry.local:5000/shop\n".utf8
            ).write(to: URL(fileURLWithPath: directory + "/apps/shop.yaml"))

            let parts = [["deploy"], ["shop"], ["--version", "v2"], ["--config", "x.yaml"], ["-o", "json"]]
            for order in orders(of: parts.count) {
                let words = order.flatMap { parts[$0] }
                let said = try await viridian.run(words)
                #expect(said.status == 1 || said.status == 64, "\(said)")
                #expect(said.output.isEmpty && !said.error.isEmpty, "\(said)")
                // Options behind the verb, and common ones before it, may be in any order.
                if order.firstIndex(of: 0)! < min(order.firstIndex(of: 1)!, order.firstIndex(of: 2)!) {
                    #expect(said.status == 1 && said.error.contains("nowhere: there is no such kubeconfig"), "\(said)")
                }
            }
            let version = try await viridian("--version")
            #expect(version.status == 0 && version.lines.count == 1, "\(version)")
        }

        private func orders(of count: Int) -> [[Int]] {
            guard count > 0 else { return [[]] }
            return orders(of: count - 1).flatMap { order in
                (0...order.count).map { place in
                    var order = order
                    order.insert(count - 1, at: place)
                    return order
                }
            }
        }
    }
}
