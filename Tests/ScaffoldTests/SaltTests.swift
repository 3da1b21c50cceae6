import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// The rendered states, applied by a real `salt-call` without a master, on a machine of its own.
@Suite("salt", .needs("salt-call", "nginx", "curl", "visudo"), .needsMachine)
struct SaltTests {
    /// File roots with what is rendered, pillar, and a minion's configuration.
    private struct Roots: Sendable {
        let folder: String
        static let states = "/roots/salt/kubernetes"

        init(
            in folder: String,
            key: String? = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEbq0Zb1YH6Yy8m3Yv4yqg3wQ0nq3h9G4n4v7pJt1QZJ viridian"
        ) throws {
            self.folder = folder
            let apps = [try blog { $0.preview = "preview.blog.domain.com" }, try www()]
            var options = RenderingOptions()
            options.node = nodeProgram
            for file in try Rendering.salt.files(configuration(apps), apps: apps, options: options) {
                try write(file.text, to: "\(folder)/roots/\(file.path)")
            }
            try write(
                """
                id: node
                file_client: local
                root_dir: \(folder)/minion
                file_roots: {base: [\(folder)/roots/salt]}
                pillar_roots: {base: [\(folder)/pillar]}
                enable_fqdns_grains: false

                """, to: "\(folder)/minion/minion")
            try write("base: {'*': [viridian]}\n", to: "\(folder)/pillar/top.sls")
            try write(
                "viridian: {authorized_keys: [\(key ?? "")]}\n", to: "\(folder)/pillar/viridian.sls")
        }

        var nodeFiles: String { folder + Self.states + "/files/node" }

        /// What each state says, by its id.
        func apply(_ states: String = "kubernetes", on machine: NodeMachine) async throws -> [String: State] {
            let salt = try #require(Python.program("salt-call"))
            let said = try await machine.run(
                salt, "-c", folder + "/minion", "--local", "--out=json", "state.apply", states)
            guard
                let all = try? JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [String: [String: Any]],
                let states = all["local"]
            else {
                Issue.record("\(said)")
                return [:]
            }
            var found: [String: State] = [:]
            for case let state as [String: Any] in states.values {
                let changes = state["changes"] as? [String: Any] ?? [:]
                found[state["__id__"] as? String ?? "?"] = State(
                    result: state["result"] as? Bool, changed: changes.keys.sorted(), said: "\(state)")
            }
            return found
        }
    }

    private struct State: Sendable, CustomStringConvertible {
        /// `nil` where Salt only tested.
        var result: Bool?
        var changed: [String]
        var said: String
        var description: String { said }
    }

    private func ask(_ host: String, _ path: String, on machine: NodeMachine) async throws -> String {
        try await machine.run(
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: \(host)", "http://127.0.0.1\(path)"
        ).output
    }

    @Test(
        "applied twice, the second run changes nothing; it makes what is missing, and keeps a colour that was switched")
    func twice() async throws {
        try await withFolder { folder in
            let roots = try Roots(in: folder)
            try await NodeMachine.with(folder + "/machine") { machine in
                let first = try await roots.apply(on: machine)
                #expect(first.count == 12 && first.values.allSatisfy { $0.result == true }, "\(first)")
                #expect(try await ask("10.0.0.1", "/nginx-health", on: machine) == "200")
                #expect(try await ask("blog.domain.com", "/", on: machine) == "301")
                #expect(
                    try machine.read("/home/deploy/.ssh/authorized_keys").hasPrefix(
                        "restrict,command=\"sudo -n /usr/local/sbin/viridian-node\" ssh-ed25519 AAAA"))
                let sudo = try await machine.run("sudo", "-n", "-l", "-U", "deploy")
                #expect(sudo.output.contains("(root) NOPASSWD: /usr/local/sbin/viridian-node \"\""), "\(sudo)")

                let second = try await roots.apply(on: machine)
                #expect(second.values.allSatisfy { $0.result == true && $0.changed == [] }, "\(second)")

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
                let third = try await roots.apply(on: machine)
                #expect(third.values.allSatisfy { $0.result == true }, "\(third)")
                let changed = third.filter { $0.value.changed != [] }
                #expect(
                    Set(changed.keys) == ["/etc/nginx/conf.d", "/etc/nginx/backends.d", "nginx"], "\(changed)")
                #expect(try machine.read(upstream) == green)
                #expect(try await ask("www.domain.com", "/", on: machine) == "301")
            }
        }
    }

    @Test("what nginx or sudo refuses is an error at each run, and is not loaded; corrected, it is")
    func broken() async throws {
        try await withFolder { folder in
            let roots = try Roots(in: folder)
            try await NodeMachine.with(folder + "/machine") { machine in
                _ = try await roots.apply(on: machine)
                let host = roots.nodeFiles + "/nginx/conf.d/new.conf"
                try write("server { listen 80; server_name new.domain.com; retrun 204; }\n", to: host)
                try write("deploy ALL=(root NOPASSWD: ALL\n", to: roots.nodeFiles + "/sudoers")
                let rules = try machine.read("/etc/sudoers.d/viridian")
                for _ in 1...2 {
                    let refused = try await roots.apply(on: machine)
                    let failed = Set(refused.filter { $0.value.result == false }.keys)
                    #expect(failed == ["nginx-configuration", "nginx", "/etc/sudoers.d/viridian"], "\(refused)")
                    let why = try #require(refused["nginx-configuration"])
                    #expect(why.said.contains("unknown directive"), "\(why)")
                    #expect(try machine.read("/etc/sudoers.d/viridian") == rules)
                    #expect(try await ask("blog.domain.com", "/", on: machine) == "301")
                    #expect(try await ask("new.domain.com", "/", on: machine) == "404")
                }
                try write("server { listen 80; server_name new.domain.com; return 204; }\n", to: host)
                let mended = try await roots.apply("kubernetes.nginx", on: machine)
                #expect(mended.values.allSatisfy { $0.result == true }, "\(mended)")
                let loaded = try await machine.run(
                    "curl", "-s", "--retry", "20", "--retry-all-errors", "-f", "-o", "/dev/null", "-w", "%{http_code}",
                    "-H", "Host: new.domain.com", "http://127.0.0.1/")
                #expect(loaded.output.hasSuffix("204"), "\(loaded)")
            }
        }
    }

    @Test("without a key in the pillar the states say so")
    func withoutKey() async throws {
        try await withFolder { folder in
            let roots = try Roots(in: folder, key: nil)
            try await NodeMachine.with(folder + "/machine") { machine in
                let states = try await roots.apply("kubernetes.viridian_node", on: machine)
                let failed = states.filter { $0.value.result == false }
                #expect(Set(failed.keys) == ["viridian-key"], "\(states)")
                #expect(failed["viridian-key"]?.said.contains("viridian:authorized_keys") == true, "\(failed)")
            }
        }
    }
}
