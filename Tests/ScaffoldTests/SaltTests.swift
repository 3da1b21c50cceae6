import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// The rendered states, applied by a real `salt-call` without a master, on a machine of its own.
@Suite("salt", .needs("salt-call", "nginx", "curl", "visudo"), .needsMachine)
struct SaltTests {
    private static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEbq0Zb1YH6Yy8m3Yv4yqg3wQ0nq3h9G4n4v7pJt1QZJ viridian"

    /// What makes a machine a node: nginx with its files, and what Viridian's key may run.
    private static let states: Set = [
        "nginx-package", "/etc/nginx/backends.d", "/etc/nginx/conf.d", "/etc/nginx/sites-enabled/default",
        "nginx-configuration", "nginx", "viridian-user", "viridian-key-1", "viridian-sudo",
        "/usr/local/sbin/viridian-node", "/etc/viridian/node.conf", "/etc/sudoers.d/viridian",
    ]

    /// A minion whose file roots have what is rendered.
    private func minion(in folder: String, keys: [String] = [key], revoked: [String] = []) throws -> SaltMinion {
        let apps = [try blog { $0.preview = "preview.blog.domain.com" }, try www()]
        var options = RenderingOptions()
        options.node = nodeProgram
        for file in try Rendering.salt.files(configuration(apps), apps: apps, options: options) {
            try write(file.text, to: "\(folder)/\(file.path)")
        }
        let lists = [("authorized_keys", keys), ("revoked_keys", revoked)].map {
            "\($0): [\($1.joined(separator: ", "))]"
        }
        return try SaltMinion(in: folder, pillar: "viridian: {\(lists.joined(separator: ", "))}")
    }

    private func ask(_ host: String, _ path: String, on machine: NodeMachine) async throws -> String {
        try await machine.run(
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: \(host)", "http://127.0.0.1\(path)"
        ).output
    }

    /// The same once nginx has loaded the host: a reload is over before its workers are new.
    private func askLoaded(_ host: String, on machine: NodeMachine) async throws -> String {
        let asked = try await machine.run(
            "curl", "-s", "-f", "--retry", "60", "--retry-delay", "1", "--retry-all-errors", "-o", "/dev/null", "-w",
            "%{http_code}\n", "-H", "Host: \(host)", "http://127.0.0.1/")
        return asked.output.split(separator: "\n").last.map(String.init) ?? ""
    }

    @Test(
        "applied twice, the second run changes nothing; it makes what is missing, and keeps a colour that was switched")
    func twice() async throws {
        try await withFolder { folder in
            let minion = try minion(in: folder)
            try await NodeMachine.with(folder + "/machine") { machine in
                let first = try await minion.apply("kubernetes", on: machine)
                #expect(Set(first.keys) == Self.states && first.values.allSatisfy { $0.succeeded }, "\(first)")
                #expect(try await ask("10.0.0.1", "/nginx-health", on: machine) == "200")
                #expect(try await ask("blog.domain.com", "/", on: machine) == "301")
                #expect(
                    try machine.read("/home/deploy/.ssh/authorized_keys").hasPrefix(
                        "restrict,command=\"sudo -n /usr/local/sbin/viridian-node\" ssh-ed25519 AAAA"))
                let sudo = try await machine.run("sudo", "-n", "-l", "-U", "deploy")
                #expect(sudo.output.contains("(root) NOPASSWD: /usr/local/sbin/viridian-node \"\""), "\(sudo)")

                let second = try await minion.apply("kubernetes", on: machine)
                #expect(second.values.allSatisfy { $0.succeeded && $0.changed == [] }, "\(second)")

                // A release has switched blog to green; somebody has removed www's virtual host and its upstream file.
                let upstream = "/etc/nginx/backends.d/blog.conf"
                let seed = try machine.read(upstream)
                let green = seed.replacing(
                    "30000 max_fails=0;\n    server 127.0.0.1:30001 max_fails=0 down",
                    with: "30000 max_fails=0 down;\n    server 127.0.0.1:30001 max_fails=0")
                #expect(green != seed)
                try machine.write(green, to: upstream)
                for name in ["conf.d", "backends.d"] {
                    try FileManager.default.removeItem(atPath: "\(machine.folder)/etc/nginx/\(name)/www.conf")
                }
                let third = try await minion.apply("kubernetes", on: machine)
                #expect(third.values.allSatisfy { $0.succeeded }, "\(third)")
                let changed = third.filter { $0.value.changed != [] }
                #expect(
                    Set(changed.keys) == ["/etc/nginx/conf.d", "/etc/nginx/backends.d", "nginx"], "\(changed)")
                #expect(try machine.read(upstream) == green)
                #expect(try await askLoaded("www.domain.com", on: machine) == "301")
            }
        }
    }

    @Test("what nginx or sudo refuses is an error at each run, and is not loaded; corrected, it is")
    func broken() async throws {
        try await withFolder { folder in
            let minion = try minion(in: folder)
            try await NodeMachine.with(folder + "/machine") { machine in
                _ = try await minion.apply("kubernetes", on: machine)
                let host = folder + "/salt/kubernetes/files/node/nginx/conf.d/new.conf"
                try write("server { listen 80; server_name new.domain.com; retrun 204; }\n", to: host)
                try write("deploy ALL=(root NOPASSWD: ALL\n", to: folder + "/salt/kubernetes/files/node/sudoers")
                let rules = try machine.read("/etc/sudoers.d/viridian")
                for _ in 1...2 {
                    let refused = try await minion.apply("kubernetes", on: machine)
                    let failed = Set(refused.filter { !$0.value.succeeded }.keys)
                    #expect(failed == ["nginx-configuration", "nginx", "/etc/sudoers.d/viridian"], "\(refused)")
                    let why = try #require(refused["nginx-configuration"])
                    #expect(why.description.contains("unknown directive"), "\(why)")
                    #expect(try machine.read("/etc/sudoers.d/viridian") == rules)
                    #expect(try await ask("blog.domain.com", "/", on: machine) == "301")
                    #expect(try await ask("new.domain.com", "/", on: machine) == "404")
                }
                try write("server { listen 80; server_name new.domain.com; return 204; }\n", to: host)
                let mended = try await minion.apply("kubernetes.nginx", on: machine)
                #expect(mended.values.allSatisfy { $0.succeeded }, "\(mended)")
                #expect(try await askLoaded("new.domain.com", on: machine) == "204")
            }
        }
    }

    @Test("what was not loaded because of somebody else's file is loaded once that one is corrected by hand")
    func foreign() async throws {
        try await withFolder { folder in
            let minion = try minion(in: folder)
            try await NodeMachine.with(folder + "/machine") { machine in
                _ = try await minion.apply("kubernetes", on: machine)
                try machine.write("retrun 204;\n", to: "/etc/nginx/conf.d/yours.conf")
                try write(
                    "server { listen 80; server_name new.domain.com; return 204; }\n",
                    to: folder + "/salt/kubernetes/files/node/nginx/conf.d/new.conf")
                for _ in 1...2 {
                    let refused = try await minion.apply("kubernetes.nginx", on: machine)
                    #expect(
                        Set(refused.filter { !$0.value.succeeded }.keys) == ["nginx-configuration", "nginx"],
                        "\(refused)")
                    #expect(try await ask("new.domain.com", "/", on: machine) == "404")
                }
                try machine.write("# return 204;\n", to: "/etc/nginx/conf.d/yours.conf")
                let accepted = try await minion.apply("kubernetes.nginx", on: machine)
                #expect(accepted.values.allSatisfy { $0.succeeded }, "\(accepted)")
                #expect(
                    Set(accepted.filter { $0.value.changed != [] }.keys) == ["nginx-configuration", "nginx"],
                    "\(accepted)")
                #expect(try await askLoaded("new.domain.com", on: machine) == "204")
                let after = try await minion.apply("kubernetes.nginx", on: machine)
                #expect(after.values.allSatisfy { $0.succeeded && $0.changed == [] }, "\(after)")
            }
        }
    }

    @Test("a key that is revoked in the pillar is taken away, and only it")
    func revoked() async throws {
        let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yqv2d6rXQy7X7b1m4bDgq0Jv2rZb1mVd6h0cV3l5s former"
        try await withFolder { folder in
            let before = try minion(in: folder, keys: [Self.key, other])
            try await NodeMachine.with(folder + "/machine") { machine in
                func keys() throws -> [String] {
                    try machine.read("/home/deploy/.ssh/authorized_keys").split(separator: "\n").compactMap {
                        $0.split(separator: " ").last.map(String.init)
                    }
                }
                _ = try await before.apply("kubernetes.viridian_node", on: machine)
                #expect(try keys() == ["viridian", "former"])
                let after = try minion(in: folder, revoked: [other])
                let states = try await after.apply("kubernetes.viridian_node", on: machine)
                #expect(states.values.allSatisfy { $0.succeeded }, "\(states)")
                #expect(try keys() == ["viridian"])
                let again = try await after.apply("kubernetes.viridian_node", on: machine)
                #expect(again.values.allSatisfy { $0.succeeded && $0.changed == [] }, "\(again)")
            }
        }
    }

    @Test("without a key in the pillar the states say so")
    func withoutKey() async throws {
        try await withFolder { folder in
            let minion = try minion(in: folder, keys: [])
            try await NodeMachine.with(folder + "/machine") { machine in
                let states = try await minion.apply("kubernetes.viridian_node", on: machine)
                let failed = states.filter { !$0.value.succeeded }
                #expect(Set(failed.keys) == ["viridian-key"], "\(states)")
                #expect(failed["viridian-key"]?.description.contains("viridian:authorized_keys") == true, "\(failed)")
            }
        }
    }
}
