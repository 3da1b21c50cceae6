import Foundation
import Glibc
import Testing

@testable import Processes

@Suite("A directory that only this process uses")
struct PrivateDirectoryTests {
    private func rights(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? -1
    }

    @Test("only this user can read it and its files, whatever the umask; two processes never share one")
    func alone() throws {
        let first = try PrivateDirectory(prefix: "viridian-test-")
        let second = try PrivateDirectory(prefix: "viridian-test-")
        defer { for directory in [first, second] { directory.remove() } }
        #expect(first.path != second.path)
        try first.write("secret", to: "kubeconfig")
        #expect(try rights(first.path) == 0o700)
        #expect(try rights(first.path + "/kubeconfig") == 0o600)
        #expect(try String(contentsOfFile: first.path + "/kubeconfig", encoding: .utf8) == "secret")
    }

    @Test("an existing file or link is left alone")
    func taken() throws {
        let directory = try PrivateDirectory(prefix: "viridian-test-")
        defer { directory.remove() }
        let elsewhere = directory.path + "/elsewhere"
        try FileManager.default.createSymbolicLink(atPath: directory.path + "/log", withDestinationPath: elsewhere)
        #expect(throws: PrivateDirectoryError.self) { try directory.write("x", to: "log") }
        #expect(!FileManager.default.fileExists(atPath: elsewhere))
        try directory.write("first", to: "file")
        #expect(throws: PrivateDirectoryError.self) { try directory.write("second", to: "file") }
        #expect(try String(contentsOfFile: directory.path + "/file", encoding: .utf8) == "first")
    }

    @Test("it is removed completely, and a path that cannot be written to is named")
    func removed() throws {
        let directory = try PrivateDirectory(prefix: "viridian-test-")
        try directory.write("x", to: "file")
        directory.remove()
        #expect(!FileManager.default.fileExists(atPath: directory.path))
        let error = #expect(throws: PrivateDirectoryError.self) {
            try PrivateDirectory(prefix: "viridian-test-", in: "/nowhere")
        }
        #expect(error?.description.hasPrefix("/nowhere/viridian-test-") == true)
    }
}
