import Testing
import ViridianConfiguration

@testable import Server

@Suite("The metrics of deliveries")
struct DeliveryMetricsTests {
    @Test(
        "deliveries are counted from zero, of each sender whose hook is on: the first one that is refused is an increase"
    )
    func zero() async throws {
        var settings = HookSettings(hooks: HooksConfiguration(registry: Secret(RegistryEvents.secret)))
        settings.lookup = NoRegistry()
        try await withServer(hooks: settings) { server in
            func counted() -> [String] {
                server.services.metrics.text.split(separator: "\n").map(String.init)
                    .filter { $0.hasPrefix("viridian_deliveries_total{") }.sorted()
            }
            let script = ["accepted", "ignored", "refused"].map { "{result=\"\($0)\",sender=\"deploy\"} 0" }
            let hooks = ["accepted", "ignored", "malformed", "repeated", "unauthorized"].map {
                "{result=\"\($0)\",sender=\"registry\"} 0"
            }
            #expect(counted() == (script + hooks).map { "viridian_deliveries_total" + $0 }.sorted())
            _ = try await server.deliver("{}", authorization: "Bearer wrong")
            #expect(counted().contains("viridian_deliveries_total{result=\"unauthorized\",sender=\"registry\"} 1"))
        }
    }
}
