import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The containers of a pod that run the app, init containers included: those that get a release's image.
///
/// A migration or a worker next to the web server often uses the same image: all of them get the new version.
struct AppContainers {
    struct Container: Hashable {
        /// `containers` or `initContainers`.
        var list: String
        var index: Int
        var name: String
        /// Empty if the template names none.
        var image: String

        var isInit: Bool { list == "initContainers" }
    }

    /// The app's containers, init containers last. Empty if they cannot be determined.
    let found: [Container]
    /// All other containers.
    let others: [Container]
    /// Names in the app's `containers` that the pod does not have.
    let missing: [String]

    /// The containers that the app's `containers` names; else those with the app's repository; else the one named like the app, or the
    /// only one, and all that share its repository.
    init(in spec: JSON, of app: AppConfiguration) {
        let all = AppContainers.all(in: spec)
        let chosen: [Container]
        if let names = app.containers {
            chosen = all.filter { names.contains($0.name) }
            missing = names.filter { name in !all.contains { $0.name == name } }
        } else {
            missing = []
            let same = all.filter { app.image.isSameRepository(as: $0.image) }
            chosen = same.isEmpty ? AppContainers.replaced(all, app) : same
        }
        found = chosen
        others = all.filter { !chosen.contains($0) }
    }

    /// For a pod without the app's image, because the live colour came from another registry.
    private static func replaced(_ all: [Container], _ app: AppConfiguration) -> [Container] {
        let serving = all.filter { !$0.isInit }
        guard let main = serving.first(where: { $0.name == app.name.text }) ?? (serving.count == 1 ? serving[0] : nil)
        else { return [] }
        let reference = try? ImageReference(main.image)
        return all.filter { $0 == main || reference?.isSameRepository(as: $0.image) == true }
    }

    private static func all(in spec: JSON) -> [Container] {
        ["containers", "initContainers"].flatMap { list in
            (spec[list]?.array ?? []).enumerated().map { index, container in
                Container(
                    list: list, index: index, name: container["name"]?.string ?? "",
                    image: container["image"]?.string ?? "")
            }
        }
    }

    /// Returns the pod spec with the image in every container of the app.
    func settingImage(_ image: String, in spec: JSON) -> JSON {
        var spec = spec
        for container in found {
            var list = spec[container.list]?.array ?? []
            list[container.index]["image"] = .string(image)
            spec[container.list] = .array(list)
        }
        return spec
    }

    /// A note for the release's log: which containers get the image, and which images the others keep.
    func sentence(_ image: String) -> String {
        let given = found.map { $0.isInit ? "\($0.name) (init)" : $0.name }.joined(separator: ", ")
        let kept = others.map { "\($0.name) (\($0.image))" }.joined(separator: ", ")
        return "Image \(image) goes into \(found.count == 1 ? "container" : "containers") \(given)"
            + (kept.isEmpty ? "" : "; unchanged: \(kept)")
    }
}

extension ImageReference {
    /// Ignores tag and digest.
    fileprivate func isSameRepository(as text: String) -> Bool {
        (try? ImageReference(String(text.prefix { $0 != "@" })))?.fullName == fullName
    }
}
