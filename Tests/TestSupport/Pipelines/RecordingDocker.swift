import Foundation

/// A `docker` on PATH that only writes down what it is told: `recording-docker.sh`.
package struct RecordingDocker: Sendable {
    /// Holds `bin/docker`.
    private let folder: String

    package init(in folder: String) throws {
        self.folder = folder
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "recording-docker.sh").path
        try FileManager.default.createDirectory(atPath: folder + "/bin", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: folder + "/bin/docker", withDestinationPath: script)
    }

    /// For programs that are to find it. `push`: a program that really pushes; it gets the image's name and prints the digest.
    package func environment(push: String? = nil) -> [String: String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        var environment = ["PATH": "\(folder)/bin:\(path)", "RECORDING_DOCKER": folder, "HOME": folder]
        environment["RECORDING_PUSH"] = push
        return environment
    }

    /// What it was told, a line each.
    package var log: [String] {
        get throws {
            try String(contentsOfFile: folder + "/log", encoding: .utf8).split(separator: "\n").map(String.init)
        }
    }
}
