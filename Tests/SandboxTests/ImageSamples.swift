import Foundation
import Processes
import Testing

/// A folder of images, and beside it whatever a test needs.
func inImageFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "images-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
}

/// Writes an image, and last its configuration, with which it is there.
func writeImage(_ reference: String, config: String, files: [String: String] = [:], to folder: URL) throws {
    let image = folder.appending(path: reference)
    try FileManager.default.createDirectory(at: image, withIntermediateDirectories: true)
    for (path, text) in files {
        let file = image.appending(path: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
    try Data(config.utf8).write(to: image.appending(path: "config.json"), options: .atomic)
}

/// A root directory with a few of this machine's programs, and the libraries that they load.
enum SmallRoot {
    static func make(at root: URL, programs: [String]) async throws {
        let files = FileManager.default
        try files.createDirectory(at: root.appending(path: "bin"), withIntermediateDirectories: true)
        for name in programs {
            let program = try #require(Executable.find(name))
            try files.copyItem(
                at: URL(filePath: program).resolvingSymlinksInPath(), to: root.appending(path: "bin/\(name)"))
            let loaded = try await Command("ldd", [program]).run(deadline: .seconds(600)).output
            for word in loaded.split(whereSeparator: \.isWhitespace) where word.hasPrefix("/") {
                let copy = root.appending(path: String(word))
                guard !files.fileExists(atPath: copy.path) else { continue }
                try files.createDirectory(at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
                try files.copyItem(at: URL(filePath: String(word)).resolvingSymlinksInPath(), to: copy)
            }
        }
    }
}
