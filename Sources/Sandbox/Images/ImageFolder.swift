import Foundation

/// A folder of images, each in a folder that is named like its reference:
///
///     FOLDER/registry.local:5000/blog:v1/config.json   the image's configuration
///     FOLDER/registry.local:5000/blog:v1/rootfs/       its files; the container sees no others
///     FOLDER/registry.local:5000/blog:v1/files/        or these, over those of this machine; with neither, only those of this machine
///
/// It is read when a container starts, so that an image can be put there while the sandbox runs.
package struct ImageFolder: Sendable {
    private let path: String

    package init(_ path: String) {
        self.path = path
    }

    package var images: ImageCatalog {
        ImageCatalog { reference in behavior(of: reference) }
    }

    /// - Returns: `nil` when the folder does not have the image.
    func behavior(of reference: String) -> ImageBehavior? {
        guard let image = imagePath(of: reference) else { return nil }
        let file = image + "/config.json"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            return .unreadable("\(file) cannot be read")
        }
        do {
            return .image(try ImageConfiguration(text, files: Self.files(in: image)).image)
        } catch {
            return .unreadable("\(file) \(error.problem)")
        }
    }

    /// The folder of an image: the one that is named like the reference, or, if that has a digest, like its name and tag.
    private func imagePath(of reference: String) -> String? {
        // A reference comes from whoever may create pods; `..` in it must not lead out of the folder.
        guard let name = ImageName(reference),
            !reference.split(separator: "/").contains(where: { $0 == ".." || $0 == "." })
        else { return nil }
        var candidates = [reference]
        if name.digest != nil, let at = reference.lastIndex(of: "@") { candidates.append(String(reference[..<at])) }
        if name.digest == nil, let tag = name.tag, !reference.hasSuffix(":" + tag) {
            candidates = ["\(reference):\(tag)"]
        }
        return candidates.map { "\(path)/\($0)" }.first { FileManager.default.fileExists(atPath: $0 + "/config.json") }
    }

    private static func files(in image: String) -> ImageFiles {
        func hasFolder(_ name: String) -> Bool {
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(image)/\(name)", isDirectory: &isDirectory)
                && isDirectory.boolValue
        }
        if hasFolder("rootfs") { return .ownRoot(image + "/rootfs") }
        return .overThisMachine(folder: hasFolder("files") ? image + "/files" : nil)
    }
}
