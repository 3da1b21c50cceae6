import Integrations
import ReleaseMachine
import ViridianConfiguration

/// Which apps an event of a hook concerns: from the configuration alone, before anybody is asked.
struct ConcernedApps: Sendable {
    /// In the configuration's order.
    let apps: [AppConfiguration]

    /// - Returns: the apps; none, and why, where it concerns nobody.
    func concerned(by event: HookEvent) -> (apps: [AppConfiguration], why: String) {
        switch event {
        case .pushed(let image):
            (
                apps(withImage: image),
                "no app has the image \(image.host.map { $0 + "/" } ?? "")\(image.repository)"
            )
        case .built(let pipeline):
            (
                apps.filter { app in
                    guard let triggers = app.releaseOn else { return false }
                    return pipeline.isTag
                        ? triggers.matches(tag: pipeline.ref) : triggers.matches(branch: pipeline.ref)
                },
                "no app's releaseOn names the \(pipeline.isTag ? "tag" : "branch") \(pipeline.ref)"
            )
        case .deploymentRequested(let deployment):
            (
                apps.filter { $0.releaseOn?.matches(environment: deployment.environment) ?? false },
                "no app's releaseOn names the environment \(deployment.environment)"
            )
        }
    }

    /// The apps whose image is in this repository. A registry may have several names, so its own counts only where apps have images of
    /// the same repository name in several registries.
    private func apps(withImage image: PushedImage) -> [AppConfiguration] {
        let same = apps.filter { $0.image.pathInRegistry == image.repository }
        let exact = same.filter { $0.image.isInRegistry(image.host) }
        return exact.isEmpty ? same : exact
    }
}

extension ImageReference {
    /// `library/blog` for an image of Docker Hub without an owner.
    package var pathInRegistry: String {
        String(fullName.drop { $0 != "/" }.dropFirst())
    }

    func isInRegistry(_ host: String?) -> Bool {
        guard let host else { return false }
        return fullName.prefix { $0 != "/" } == host.lowercased()
    }
}
