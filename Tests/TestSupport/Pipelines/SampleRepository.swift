import Foundation
import Processes

/// A Git repository with one commit, of a known time in another time zone than UTC.
package struct SampleRepository: Sendable {
    package let path: String
    package let commit: String
    /// The commit's time in UTC.
    package let commitTime: String
    /// What the commit is called: `20151025.143403-1a2b3c4`.
    package var version: String {
        "\(commitTime.filter(\.isNumber).prefix(8)).143403-\(commit.prefix(7))"
    }

    /// - Parameters:
    ///   - path: A folder that is not there yet.
    ///   - day: The day of the commit in October 2015.
    ///   - origin: The address of the remote `origin`.
    /// - Throws: `PipelineRun.Failed` when git is not there.
    package init(
        at path: String, day: Int = 25, origin: String = "https://git.domain.com/group/blog.git"
    ) async throws {
        self.path = path
        commitTime = "2015-10-\(day)T14:34:03Z"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": path,
            "GIT_COMMITTER_DATE": "2015-10-\(day)T19:34:03+05:00", "GIT_AUTHOR_DATE": "2015-10-01T08:00:00Z",
            "GIT_AUTHOR_NAME": "ann", "GIT_AUTHOR_EMAIL": "ann@domain.com", "GIT_COMMITTER_NAME": "ann",
            "GIT_COMMITTER_EMAIL": "ann@domain.com",
        ]
        func git(_ words: String...) async throws -> String {
            let done = try await Command("git", words, environment: environment, workingDirectory: path)
                .run(deadline: .seconds(30))
            guard done.succeeded else { throw PipelineRun.Failed(description: "git \(words): \(done.error)") }
            return done.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        _ = try await git("init", "--quiet", "--initial-branch", "dev")
        _ = try await git("remote", "add", "origin", origin)
        _ = try await git("commit", "--quiet", "--allow-empty", "--message", "the login page")
        commit = try await git("rev-parse", "HEAD")
    }
}
