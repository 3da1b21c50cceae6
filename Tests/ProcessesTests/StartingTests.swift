import Foundation
import Testing

@testable import Processes

@Suite("Commands that cannot be started")
struct StartingTests {
    private func file(_ contents: String, mode: Int) throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("viridian-\(UUID())").path
        try contents.write(toFile: path, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    private func error(_ command: Command) async -> ProcessError? {
        do {
            _ = try await command.run()
            return nil
        } catch { return error as? ProcessError }
    }

    @Test("a name that is not on PATH")
    func name() async {
        let error = await error(Command("viridian-no-such-program"))
        #expect(error == .notFound(executable: "viridian-no-such-program"))
        #expect(
            error?.description
                == "viridian-no-such-program: no such program on PATH; install it, or give its full path")
    }

    @Test("a name is looked up on the PATH that the child gets")
    func path() async throws {
        #expect(await error(Command("sh", environment: ["PATH": "/proc"])) == .notFound(executable: "sh"))
        #expect(try await Command("sh", ["-c", ":"], environment: [:]).run().succeeded)
    }

    @Test("a path that does not exist, a directory, a file that is not executable")
    func paths() async throws {
        #expect(await error(Command("/no/such/program"))?.description == "/no/such/program: no such program")
        #expect(await error(Command("/usr"))?.description == "/usr: is not an executable file")
        let plain = try file("echo hello\n", mode: 0o644)
        defer { try? FileManager.default.removeItem(atPath: plain) }
        #expect(await error(Command(plain)) == .notExecutable(path: plain))
        #expect(await error(Command("")) == .notFound(executable: ""))
    }

    @Test("a script whose interpreter is missing, a file that is not a program")
    func scripts() async throws {
        let script = try file("#!/no/such/interpreter\n", mode: 0o755)
        let text = try file("hello\n", mode: 0o755)
        defer { for path in [script, text] { try? FileManager.default.removeItem(atPath: path) } }
        for path in [script, text] {
            guard case .notRunnable(path, _) = await error(Command(path)) else {
                Issue.record("\(path) was not refused")
                continue
            }
        }
    }

    @Test("a working directory that does not exist")
    func workingDirectory() async {
        let error = await error(Command("true", workingDirectory: "/no/such/place"))
        #expect(error?.description == "/no/such/place: cannot be used as a working directory")
    }

    @Test("a NUL character would cut an argument short, so it is refused")
    func nul() async {
        #expect(await error(Command("echo", ["a\0b"])) == .containsNUL(executable: "echo", what: "arguments"))
        #expect(
            await error(Command("echo", environment: ["A": "\0"]))
                == .containsNUL(executable: "echo", what: "environment"))
    }
}

@Suite("Finding programs")
struct ExecutableTests {
    @Test("PATH is searched in order, then the directories of daemons")
    func order() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("viridian-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        for name in ["one", "two", "three"] {
            let place = directory.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try "".write(to: place.appendingPathComponent("nginx"), atomically: false, encoding: .utf8)
        }
        let executable = directory.appendingPathComponent("two/nginx").path
        for name in ["two", "three"] {
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: directory.appendingPathComponent(name + "/nginx").path)
        }
        let places = ["one", "two", "three"].map { directory.appendingPathComponent($0).path }
        #expect(Executable.find("nginx", in: places) == executable)
        #expect(Executable.find("one", in: [directory.path]) == nil)
        #expect(Executable.find(executable, in: []) == executable)
        #expect(Executable.find("", in: places) == nil)
        #expect(Executable.find("sh") != nil)
        #expect(Executable.find("viridian-no-such-program") == nil)
    }

    @Test("relative and empty entries of PATH are left out")
    func relative() {
        #expect(Executable.pathDirectories(["PATH": ".:/usr/bin::bin:/bin"]) == ["/usr/bin", "/bin"])
        #expect(Executable.pathDirectories([:]) == ["/usr/local/bin", "/usr/bin", "/bin"])
    }
}
