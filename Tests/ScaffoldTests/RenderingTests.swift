import Foundation
import Processes
import Scaffold
import Testing
import TextTemplates
import ViridianConfiguration

@Suite("rendering")
struct RenderingTests {
    // MARK: - Others

    @Test(
        "everything is rendered for one app and for several, each file with a path of its own",
        arguments: Rendering.allCases)
    func all(what: Rendering) throws {
        let server = ServerConfiguration(url: URL(string: "https://deploy.domain.com"))
        for apps in [[try blog()], [try blog(), try www()]] {
            let files = try what.files(configuration(apps, server: server), apps: apps)
            #expect(!files.isEmpty)
            #expect(Set(files.map(\.path)).count == files.count)
            #expect(files.allSatisfy { $0.text.hasSuffix("\n") && !$0.path.hasPrefix("/") })
        }
    }
}
