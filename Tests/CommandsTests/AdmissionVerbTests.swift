import ArgumentParser
import Testing

@testable import Commands

@Suite("versions, queue, lock and unlock")
struct AdmissionVerbTests {
    @Test(
        "are usage errors where something is missing or makes no sense",
        arguments: [
            "lock blog", "lock blog --reason=", "lock --reason x --for soon", "lock --reason x --for 0s",
            "queue --drop",
            "versions", "versions blog --limit 0", "deploy blog --version v1 --override",
            "deploy blog --version v1 --override --reason=",
        ])
    func usage(_ line: String) throws {
        do {
            _ = try Viridian.parseAsRoot(line.split(separator: " ").map(String.init))
            Issue.record("viridian \(line) is parsed")
        } catch {
            #expect(Viridian.exitCode(for: error).rawValue == 64)
        }
    }

    @Test(
        "work here and through a server",
        arguments: [
            "versions blog", "queue", "queue blog --drop", "lock blog --reason x --for 2h --automatic",
            "lock --reason x",
            "unlock", "unlock blog", "deploy blog --version v1 --override --reason x",
        ])
    func server(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        _ = try Viridian.parseAsRoot(words)
        _ = try Viridian.parseAsRoot(words + ["--server", "http://127.0.0.1:1", "--token", "vir_x"])
    }

    @Test("times and digests are short in tables")
    func short() {
        #expect("2026-11-30T08:00:12.000Z".minute == "2026-11-30 08:00")
        #expect("sha256:0123456789abcdef".shortDigest == "0123456789ab" && "".shortDigest.isEmpty)
    }
}
