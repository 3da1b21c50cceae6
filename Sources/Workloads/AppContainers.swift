import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The containers of a pod that run the app, init containers included: those that get a release's image.
///
/// A migration or a worker beside the web server often is the same image; of two versions in one pod nobody can say which one serves.
struct AppContainers {
    struct Container: Hashable {
        /// `containers` or `initContainers`.
        var list: String
        var index: Int
        var name: String
        /// Empty where the template leaves it to the release.
        var image: String

        var isInit: Bool { list == "initContainers" }
    }

    /// The app's own, those that serve before those that prepare. Empty where it cannot be told.
    let found: [Container]
    /// The others.
    let rest: [Container]
    /// Names that the app's file lists and that the pod does not have.
    let missing: [String]

    /// Those that the app's file names; else those with the app's repository; else the one that is called like the app, or the only
    /// one, and what shares its repository.
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
        rest = all.filter { !chosen.contains($0) }
    }

    /// Where no image is the app's, because the live colour came from another registry.
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

    /// The pod spec with the image in every container of the app.
    func giving(_ image: String, to spec: JSON) -> JSON {
        var spec = spec
        for container in found {
            var list = spec[container.list]?.array ?? []
            list[container.index]["image"] = .string(image)
            spec[container.list] = .array(list)
        }
        return spec
    }

    /// For the release's log: which containers got the image, and what the others run.
    func sentence(_ image: String) -> String {
        let given = found.map { $0.isInit ? "\($0.name) (init)" : $0.name }.joined(separator: ", ")
        let kept = rest.map { "\($0.name) (\($0.image))" }.joined(separator: ", ")
        return "Image \(image) goes into \(found.count == 1 ? "container" : "containers") \(given)"
            + (kept.isEmpty ? "" : "; unchanged: \(kept)")
    }
}

extension ImageReference {
    /// Whatever the tag and the digest.
    fileprivate func isSameRepository(as text: String) -> Bool {
        (try? ImageReference(String(text.prefix { $0 != "@" })))?.fullName == fullName
    }
}
