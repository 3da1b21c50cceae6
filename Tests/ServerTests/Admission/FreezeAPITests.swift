import Controller
import Foundation
import Journal
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Freezes, for a token for some apps")
struct FreezeAPITests {
    @Test("a freeze names only the apps that the token may see, and is not there when it may see none")
    func limited() async throws {
        var freeze = try AdmissionTesting.freeze()
        freeze.apps = ["blog", "shop"]
        try await withServer(apps: ["blog", "shop", "wiki"], freezes: [freeze]) { server in
            func apps(_ token: String) async throws -> [[String]] {
                try await server.get("/api/v1/locks", token: token).json["freezes"].array.map {
                    $0["apps"].array.compactMap(\.string)
                }
            }
            let all = try await apps(server.admin)
            #expect(all == [["blog", "shop"]])
            let some = try await apps(try server.token(.viewer, name: "a", apps: ["blog", "wiki"]))
            #expect(some == [["blog"]])
            let none = try await apps(try server.token(.viewer, name: "b", apps: ["wiki"]))
            #expect(none == [])
        }
    }
}
