import Foundation
import Processes
import TestSupport
import Testing

/// Somebody with an empty folder on a machine of its own (`NodeMachine`), on which `viridian` is installed and nothing runs. The machine is
/// also the node: nginx listens on its port 80, with the files in their real places, and it has the cluster's NodePorts.
struct Newcomer: Sendable {
    let machine: NodeMachine
    /// Where the folder and what the test needs beside it are; the same in the machine and outside.
    let directory: String
    private var folder: String { directory + "/folder" }

    /// Runs a shell command in the folder that has to succeed; returns what it wrote to standard output.
    @discardableResult
    func callAsFunction(
        _ command: String, input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        var command = command
        if let input {
            try Data(input.utf8).write(to: URL(fileURLWithPath: directory + "/input"))
            command = "{ \(command); } < \(directory)/input"
        }
        let completed = try await machine.run(
            "env", "--ignore-environment", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            // All ends with the machine at once, and nothing can clean up after itself.
            "TMPDIR=\(directory)", "HOME=\(directory)/home", "KUBECONFIG=\(directory)/kubeconfig", "sh", "-c",
            "cd \(folder) || exit 1\n\(command)")
        try #require(
            completed.succeeded, "\(command): \(completed.termination)\n\(completed.output)\n\(completed.error)",
            sourceLocation: sourceLocation)
        return completed.output
    }

    // MARK: - What others would have done

    /// A cluster whose pods and NodePorts are on this machine.
    func startCluster() async throws {
        try await self(
            """
            viridian sandbox --kubeconfig \(directory)/kubeconfig >../sandbox.log 2>&1 &
            sandbox=$!
            until [ -s ../kubeconfig ]; do kill -0 $sandbox || { cat ../sandbox.log >&2; exit 1; }; sleep 0.05; done
            """)
    }

    /// An sshd at this address, its host key in the list of known ones, and a key of Viridian's.
    func letIn(to address: String) async throws {
        let key = directory + "/home/id_ed25519"
        try await self("ssh-keygen -q -t ed25519 -N '' -C viridian -f \(key)")
        // Machines that were made from an image without them have none.
        try await self("ssh-keygen -A && mkdir -p /run/sshd && $(command -v sshd)")
        try await self(
            "printf '%s %s\\n' \(address) \"$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)\" >>/etc/ssh/ssh_known_hosts"
        )
        try await self("sed -i 's|ssh: {user: deploy}|ssh: {user: deploy, identityFile: \(key)}|' viridian.yaml")
    }

    /// What a person edits who does not want to wait.
    func shortenTheDrain() async throws { try await self("sed -i 's/least: 30s/least: 0s/' apps/*.yaml") }

    // MARK: - What is rendered

    /// Renders everything that `viridian render` knows, each into a folder of its own: `out/WHAT`.
    func renderEverything() async throws {
        let help = try await self("viridian render --help")
        let named = help.split(separator: "\n").drop { !$0.contains("<what>") }.joined(separator: " ")
        let values = try #require(named.firstMatch(of: #/values:\s*([^)]*)\)/#)).output.1
        let everything = values.split { $0 == "," || $0.isWhitespace }.map(String.init)
        try #require(everything.count > 10)
        for what in everything { try await self("viridian render \(what) --into out/\(what)") }
    }

    /// Applies the rendered states to this machine, as its Salt minion does.
    func applyStates() async throws {
        let salt = try #require(Python.program("salt-call"))
        let key = try String(contentsOfFile: directory + "/home/id_ed25519.pub", encoding: .utf8)
        try write("base: {'*': [viridian]}\n", to: "pillar/top.sls")
        try write("viridian:\n  authorized_keys:\n    - \(key)", to: "pillar/viridian.sls")
        try write(
            """
            id: node
            file_client: local
            root_dir: \(directory)/minion
            file_roots: {base: [\(folder)/out/salt/salt]}
            pillar_roots: {base: [\(directory)/pillar]}
            enable_fqdns_grains: false

            """, to: "minion/minion")
        try await self("\(salt) -c \(directory)/minion --local --retcode-passthrough state.apply kubernetes")
    }

    private func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: directory + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    // MARK: - Visitors

    private func headers(_ host: String, _ scheme: String) -> String {
        "-H 'Host: \(host)' -H 'X-Forwarded-Proto: \(scheme)'"
    }

    /// Expects the beginning of an answer to a visitor whose request the load balancer passes on: `200 v1`, of `200 v1 blue blog-blue-x1y2z`.
    func expect(
        _ beginning: String, of host: String, at address: String, scheme: String = "https",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await self(
            "curl -s -m 60 -w '%{http_code} ' -o ../body \(headers(host, scheme)) http://\(address)/ && cat ../body")
        #expect(answer.hasPrefix(beginning + " "), "\(host): \(answer)", sourceLocation: sourceLocation)
    }

    /// Runs a command that has to succeed while visitors send requests, each over a new connection.
    func underLoad(_ host: String, at address: String, _ command: () -> String) async throws -> Load {
        let command = command()
        try write("function delay() return 8 end\n", to: "delay.lua")
        let wrk =
            "wrk -t1 -c3 -d600s -s ../delay.lua -H 'Connection: close' \(headers(host, "https")) http://\(address)/"
        let report = try await self(
            """
            \(wrk) >../wrk.log 2>&1 &
            load=$!
            \(command) >../said.log 2>&1; status=$?
            kill -INT $load; wait $load
            cat ../wrk.log
            [ $status -eq 0 ] || { cat ../said.log >&2; exit $status; }
            """)
        return Load(report: report)
    }

    /// What wrk reports.
    struct Load: Sendable {
        var report: String

        func expectNoFailure(sourceLocation: SourceLocation = #_sourceLocation) {
            let requests = report.firstMatch(of: /([0-9]+) requests in/).flatMap { Int($0.1) } ?? 0
            #expect(requests > 20, "\(report)", sourceLocation: sourceLocation)
            #expect(!report.contains("Socket errors"), "\(report)", sourceLocation: sourceLocation)
            #expect(!report.contains("Non-2xx"), "\(report)", sourceLocation: sourceLocation)
        }
    }
}

/// Makes a machine with somebody who has an empty folder on it.
func withNewcomer(_ body: @escaping @Sendable (Newcomer) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/viridian-newcomer-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for name in ["/folder", "/home"] {
        try FileManager.default.createDirectory(atPath: directory + name, withIntermediateDirectories: true)
    }
    try await NodeMachine.with(directory + "/machine") { machine in
        let newcomer = Newcomer(machine: machine, directory: directory)
        try await newcomer("ln -s \(Program.path) /usr/local/sbin/viridian")
        try await body(newcomer)
    }
}
