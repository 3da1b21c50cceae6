import Fleet
import Foundation
import Glibc
import Nginx
import Processes
import Testing

/// Whether this process may mount file systems, to test full and read-only disks.
private let mayMount: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
    process.arguments = ["--mount", "true"]
    process.standardError = FileHandle.nullDevice
    guard geteuid() == 0, (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

/// A small disk mounted at the existing directory `path`, unmounted at the end.
private func withDisk(at path: String, kibibytes: Int, _ body: () async throws -> Void) async throws {
    let mounted = try await Command("mount", ["-t", "tmpfs", "-o", "size=\(kibibytes)k,mode=755", "tmpfs", path]).run()
    guard mounted.succeeded else { throw SocketError(description: mounted.error) }
    let outcome: Result<Void, any Error>
    do {
        outcome = .success(try await body())
    } catch {
        outcome = .failure(error)
    }
    let unmounted = try await Command("umount", ["-l", path]).run()
    #expect(unmounted.succeeded, "\(unmounted.error)")
    try outcome.get()
}

@Suite(.enabled(if: mayMount, "disks are made by mounting tmpfs, which takes root and CAP_SYS_ADMIN"))
struct DiskTests {
    @Test("on a full disk an artifact fails staging with nothing changed", arguments: shells)
    func fullForArtifact(shell: [String]) async throws {
        try await withAssetSite { it in
            try FileManager.default.createDirectory(atPath: it.assets, withIntermediateDirectories: true)
            try await withDisk(at: it.assets, kibibytes: 64) {
                let fleet = try it.site.fleet(LocalTransport(shell: shell))
                var archive = Archive.assets("big")
                archive.add("big.bin", .file, String(repeating: "x", count: 200_000))
                // Compressed it fits, unpacked it does not. Uncompressed, not even the file fits. Both are refused before the disk is full.
                let packed = try it.serve(try await gzipped(archive.whole, in: it.directory), as: "big.tgz")
                let plain = try it.serve(archive.whole, as: "big.tar")
                for url in [packed, plain] {
                    let failure = await #expect(throws: NodeFailure.self) {
                        try await fleet.stage(it.upstream, on: it.site.node, it.plan(ArtifactPlan(.url(url))))
                    }
                    guard case .artifact(let words) = failure?.reason else {
                        Issue.record("\(String(describing: failure))")
                        continue
                    }
                    let said = words.joined(separator: " ")
                    #expect(said.contains("is larger, once it is unpacked, than the 2"), "\(said)")
                    #expect(said.contains("the disk of \(it.assets) had "), "\(said)")
                    #expect(it.releases.isEmpty && it.current == nil, "\(it.releases)")
                }
                let small = it.plan(ArtifactPlan(.url(try await it.serve("small"))))
                _ = try await fleet.stage(it.upstream, on: it.site.node, small)
                #expect(it.releases == ["2"])
            }
        }
    }

    @Test("on a full or read-only disk a switch changes nothing and reports it", arguments: shells)
    func fullForSwitch(shell: [String]) async throws {
        try await withSite { site in
            let text = try site.text()
            try await withDisk(at: site.nginx.backends, kibibytes: 64) {
                try site.write(text)
                try await site.reloadByHand()
                let fleet = try site.fleet(LocalTransport(shell: shell))
                _ = try await fleet.switch(site.upstream, on: site.node, to: site.blue, token: 1)
                let filler = site.nginx.backends + "/filler"
                _ = try await Command("dd", ["if=/dev/zero", "of=\(filler)", "bs=4k"]).run()
                let full = await #expect(throws: NodeFailure.self) {
                    try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
                }
                guard case .unwritable = full?.reason else {
                    Issue.record("\(String(describing: full))")
                    return
                }
                #expect(try site.text() == text)
                #expect(
                    Set(try FileManager.default.contentsOfDirectory(atPath: site.nginx.backends))
                        == ["blog.conf", "filler", ".viridian"])
                #expect(try await site.answer() == "blue")
                let report = try await fleet.check(site.upstream, on: site.node, ports: [site.blue, site.green])
                #expect(report.disks.contains { $0.freeKibibytes == 0 })
                try FileManager.default.removeItem(atPath: filler)

                let readOnly = try await Command("mount", ["-o", "remount,ro", site.nginx.backends]).run()
                #expect(readOnly.succeeded)
                let refused = await #expect(throws: NodeFailure.self) {
                    try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
                }
                guard case .unwritable = refused?.reason else {
                    Issue.record("\(String(describing: refused))")
                    return
                }
                let checked = try await fleet.check(site.upstream, on: site.node, ports: [site.blue, site.green])
                #expect(checked.disks.contains { !$0.isWritable })
                #expect(try site.text() == text)
                _ = try await Command("mount", ["-o", "remount,rw", site.nginx.backends]).run()
                _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
                #expect(try await site.answer() == "green")
            }
        }
    }
}
