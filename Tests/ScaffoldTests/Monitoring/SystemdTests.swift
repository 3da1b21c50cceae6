import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// The server's unit.
@Suite("systemd unit")
struct SystemdTests {
    private func unit(
        _ transport: NodesConfiguration.Transport = .ssh(.init()),
        journal: String = "/var/lib/viridian/viridian.sqlite",
        backends: String = "/etc/nginx/backends.d", program: String = "/bin/true"
    ) throws -> String {
        var whole = configuration([], backends: backends)
        whole.nodes.transport = transport
        whole.journal = journal
        var options = RenderingOptions()
        options.program = program
        return try #require(try Rendering.systemd.files(whole, apps: [], options: options).first).text
    }

    @Test("systemd finds nothing to complain of, whatever is configured", .needs("systemd-analyze"))
    func verified() async throws {
        let units = [
            try unit(), try unit(.local), try unit(journal: "/x/viridian.sqlite"),
            try unit(.local, backends: "/srv/backends"),
        ]
        for text in units {
            try await withFolder { folder in
                try write(text, to: "\(folder)/viridian.service")
                let verified = try await Command("systemd-analyze", ["verify", "\(folder)/viridian.service"])
                    .run(deadline: .seconds(600))
                #expect(verified.succeeded && verified.error == "", "\(verified)\n\(text)")
            }
        }
    }

    @Test("what a break-in could do is little: systemd's own judgement", .needs("systemd-analyze"))
    func hardened() async throws {
        try await withFolder { folder in
            let file = "\(folder)/viridian.service"
            try write(try unit(), to: file)
            // From version 250 on it judges a file; the threshold is ten times the exposure.
            let words = ["security", "--offline=yes", "--threshold=20", "--no-pager", file]
            let judged = try await Command("systemd-analyze", words).run(deadline: .seconds(600))
            let version = try await Command("systemd-analyze", ["--version"]).run(deadline: .seconds(600))
            let number = version.output.firstMatch(of: /systemd (\d+)/).flatMap { Int($0.output.1) } ?? 0
            guard number >= 250 else { return }
            #expect(judged.succeeded, "\(judged.output)\(judged.error)")
        }
    }

    @Test("it may write where its journal is, and sudo works where nginx is on this machine")
    func writing() throws {
        #expect(try !unit().contains("ReadWritePaths"))
        #expect(try unit().contains("\nNoNewPrivileges=true\n"))
        // Beside the configuration, which the unit reads from /etc/viridian.
        #expect(try unit(journal: "/x/data/viridian.sqlite").contains("\nReadWritePaths=/etc/viridian/data\n"))
        #expect(try unit(journal: "/srv/viridian.sqlite").contains("\nReadWritePaths=/srv\n"))
        #expect(try !unit(journal: "postgresql://viridian@db1/viridian").contains("ReadWritePaths"))
        let local = try unit(.local, backends: "/srv/backends")
        #expect(local.contains("\nReadWritePaths=-/etc/nginx -/srv/backends\n"))
        #expect(!local.contains("NoNewPrivileges") && !local.contains("CapabilityBoundingSet"))
        // In /proc it sees whether the holder of a lease is alive.
        #expect(try !unit().contains("\nProtectProc=") && !unit().contains("\nProcSubset="))
    }

    @Test("the package and a person install the program in different places")
    func program() throws {
        let byHand = try #require(try Rendering.systemd.files(configuration([]), apps: []).first).text
        #expect(byHand.contains("\nExecStart=/usr/local/bin/viridian serve --config /etc/viridian/viridian.yaml"))
        #expect(try unit(program: "/usr/bin/viridian").contains("\nExecStart=/usr/bin/viridian serve "))
    }
}
