import Fleet
import Foundation
import Glibc
import Testing

/// The directories in which ssh finds its configuration.
@Suite struct LeftBehindTests {
    private func make(_ lock: Bool, holding: Bool = false) throws -> (path: String, lock: Int32) {
        let path = FileManager.default.temporaryDirectory.path + "/viridian-ssh-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Data("Host *\n".utf8).write(to: URL(fileURLWithPath: path + "/ssh_config"))
        guard lock else { return (path, -1) }
        let descriptor = open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        if holding { try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0) }
        return (path, descriptor)
    }

    @Test("files of ended processes are removed, files of running ones are kept")
    func removed() async throws {
        let files = FileManager.default
        let gone = try make(true)
        close(gone.lock)
        let running = try make(true, holding: true)
        // A process that is about to create the file.
        let beginning = try make(false)
        // Has the name prefix, but is in another directory.
        let elsewhere = try make(true)
        close(elsewhere.lock)
        let link = elsewhere.path.replacing("viridian-ssh-test-", with: "viridian-ssh-link-")
        let moved = elsewhere.path.replacing("viridian-ssh-test-", with: "viridian-kept-")
        try files.moveItem(atPath: elsewhere.path, toPath: moved)
        try files.createSymbolicLink(atPath: link, withDestinationPath: moved)
        defer { for path in [running.path, beginning.path, link, moved] { try? files.removeItem(atPath: path) } }

        // A lock outlives its file's end for as long as a child that is just being started has it, and another transport may be at
        // work on the same directory.
        func isRemoved(_ path: String) async throws -> Bool {
            try await SSHTransport.withTransport(SSHSettings()) { _ in !files.fileExists(atPath: path) }
        }
        try await eventually { try await isRemoved(gone.path) }
        try await SSHTransport.withTransport(SSHSettings()) { _ in
            #expect(files.fileExists(atPath: running.path + "/ssh_config"))
            #expect(files.fileExists(atPath: beginning.path + "/ssh_config"))
            #expect(files.fileExists(atPath: moved + "/ssh_config"))
        }
        close(running.lock)
        try await eventually { try await isRemoved(running.path) }
    }

    @Test("concurrent transports do not remove each other's files")
    func together() async throws {
        try await withDirectory { directory in
            // It gets the configuration as its second argument.
            let ssh = directory + "/ssh"
            let look = "#!/bin/sh\nsleep 0.1; cat \"$2\" >/dev/null && echo it is there >&2; exit 255\n"
            try Data(look.utf8).write(to: URL(fileURLWithPath: ssh))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: ssh)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<30 {
                    group.addTask {
                        let failure = await #expect(throws: NodeUnreachable.self) {
                            try await SSHTransport.withTransport(SSHSettings(program: ssh)) { transport in
                                _ = try await transport.run(
                                    arguments: [], payload: .none, on: Node("web-1"), sudo: false,
                                    deadline: .seconds(600), onLine: { _ in })
                            }
                        }
                        #expect("\(String(describing: failure))".contains("it is there"))
                    }
                }
            }
        }
    }
}
