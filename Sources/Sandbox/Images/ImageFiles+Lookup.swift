import Foundation

extension ImageFiles {
    /// Where on this machine a file of the container is.
    /// - Parameter path: as the container names it, from the root directory.
    /// - Returns: `nil` when the container does not have the file.
    func find(_ path: String) -> String? {
        let place: String?
        switch self {
        case .thisMachine, .overThisMachine(folder: nil): place = path
        case .overThisMachine(let folder?):
            let top = path.split(separator: "/").first.map(String.init) ?? ""
            let isOver = !top.isEmpty && FileManager.default.fileExists(atPath: "\(folder)/\(top)")
            place = isOver ? "\(folder)/\(path)" : path
        case .ownRoot(let root): place = Self.resolve(path, in: root)
        }
        guard let place, FileManager.default.fileExists(atPath: place) else { return nil }
        return place
    }

    /// Follows links as a process does that has this root directory: an absolute link starts there, and `..` does not lead out.
    private static func resolve(_ path: String, in root: String) -> String? {
        var rest = path.split(separator: "/").map(String.init)[...]
        var passed: [String] = []
        // As many links as the kernel follows (path_resolution(7)).
        var links = 40
        while let name = rest.popFirst() {
            guard name != "." else { continue }
            guard name != ".." else {
                _ = passed.popLast()
                continue
            }
            let place = ([root] + passed + [name]).joined(separator: "/")
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: place) else {
                passed.append(name)
                continue
            }
            links -= 1
            guard links >= 0 else { return nil }
            if target.hasPrefix("/") { passed = [] }
            rest = target.split(separator: "/").map(String.init) + rest
        }
        return ([root] + passed).joined(separator: "/")
    }
}
