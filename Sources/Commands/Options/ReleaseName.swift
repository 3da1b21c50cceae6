import ArgumentParser
import Controller
import ReleaseMachine

/// `blog/42`, or `blog` for the app's newest release.
struct ReleaseName: ExpressibleByArgument, Sendable {
    var app: String
    var number: Int?

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty else { return nil }
        app = String(parts[0])
        guard parts.count == 2 else { return }
        guard let number = Int(parts[1]), number > 0 else { return nil }
        self.number = number
    }

    func number(at client: any ReleaseClient) async throws -> Int {
        if let number { return number }
        guard let newest = try await client.history(of: app, limit: 1).first else {
            throw Refusal("\(app) has no release yet: `viridian deploy \(app) --version V` starts the first")
        }
        return newest.number
    }
}
