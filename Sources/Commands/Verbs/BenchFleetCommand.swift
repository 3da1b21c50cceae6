import ArgumentParser
import Fleet
import Foundation

/// What `script/bench fleet` measures: a session with every node that does nothing, over new connections (cold) and over the same
/// connections again (warm).
struct BenchFleetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-fleet",
        abstract: "Measure the time of sessions with nodes.",
        shouldDisplay: false
    )

    @Option(help: "A file in the format of ssh_config(5).")
    var sshConfig: String?

    @Option(help: "Number of connections that are opened at the same time.")
    var parallel = 20

    @Option(help: "Number of rounds over open connections.")
    var rounds = 11

    @Flag(help: "Run as root, with sudo.")
    var sudo = false

    @Argument(help: "The nodes.")
    var addresses: [String]

    func run() async throws {
        let nodes = addresses.map { Node($0) }
        try await SSHTransport.withTransport(SSHSettings(config: sshConfig)) { transport in
            let cold = try await ContinuousClock().measure {
                try await connect(to: nodes, over: transport, window: parallel)
            }
            var warm: [Duration] = []
            for _ in 0..<rounds {
                warm.append(
                    try await ContinuousClock().measure {
                        try await connect(to: nodes, over: transport, window: nodes.count)
                    }
                )
            }
            warm.sort()
            printLine("cold \(cold.inSeconds)")
            printLine("warm \(warm[warm.count / 2].inSeconds)")
            printLine("warm-slowest \(warm[warm.count - 1].inSeconds)")
            let memory = Memory.ofChildren
            printLine("connections \(memory.count)")
            printLine("memory-of-connections-kib \(memory.kibibytes)")
            printLine("memory-of-viridian-kib \(Memory.own)")
        }
    }

    private func connect(to nodes: [Node], over transport: SSHTransport, window: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, node) in nodes.enumerated() {
                if index >= window { try await group.next() }
                group.addTask {
                    _ = try await transport.run(
                        arguments: [],
                        payload: .none,
                        on: node,
                        sudo: sudo,
                        deadline: .seconds(30),
                        onLine: { _ in }
                    )
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Proportional set sizes: memory shared with other processes counts in proportion. proc_pid_smaps(5)
private enum Memory {
    static var own: Int { kibibytes(of: "self") ?? 0 }

    static var ofChildren: (count: Int, kibibytes: Int) {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let sizes = processes.filter { Int($0) != nil && parent(of: $0) == getpid() }.compactMap(kibibytes(of:))
        return (sizes.count, sizes.reduce(0, +))
    }

    private static func kibibytes(of process: String) -> Int? {
        let file = "/proc/\(process)/smaps_rollup"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    private static func parent(of process: String) -> Int32? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return nil }
        return text[name...].split(separator: " ").dropFirst(2).first.flatMap { Int32($0) }
    }
}

extension Duration {
    fileprivate var inSeconds: String {
        String(format: "%.3f", Double(components.seconds) + Double(components.attoseconds) / 1e18)
    }
}
