import Foundation
import Processes

/// A minion of Salt without a master: its file roots are `<folder>/salt`, and what it keeps lies below `folder` too.
package struct SaltMinion: Sendable {
    private let folder: String

    /// What one state says.
    package struct State: Sendable, CustomStringConvertible {
        package var succeeded: Bool
        package var changed: [String]
        /// All of it.
        package var description: String
    }

    package struct NoStates: Error, CustomStringConvertible { package var description: String }

    /// `pillar` is YAML.
    package init(in folder: String, pillar: String) throws {
        self.folder = folder
        for (path, text) in [
            (
                "minion/minion",
                """
                id: node
                file_client: local
                root_dir: \(folder)/minion
                file_roots: {base: [\(folder)/salt]}
                pillar_roots: {base: [\(folder)/pillar]}
                enable_fqdns_grains: false
                fileserver_list_cache_time: 0

                """
            ), ("pillar/top.sls", "base: {'*': [node]}\n"), ("pillar/node.sls", pillar + "\n"),
        ] {
            let url = URL(fileURLWithPath: "\(folder)/\(path)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
    }

    /// What each state says, by its id.
    package func apply(_ name: String, on machine: NodeMachine) async throws -> [String: State] {
        let program = Python.program("salt-call") ?? "salt-call"
        let said = try await machine.run(
            program, "-c", folder + "/minion", "--local", "--out=json", "state.apply", name)
        let read = try? JSONSerialization.jsonObject(with: Data(said.output.utf8))
        // Where Salt cannot make states of the files, it says a list of errors instead.
        guard let all = read as? [String: Any], let states = all["local"] as? [String: [String: Any]] else {
            throw NoStates(description: "\(said)")
        }
        var found: [String: State] = [:]
        for state in states.values {
            let changes = state["changes"] as? [String: Any] ?? [:]
            found[state["__id__"] as? String ?? "?"] = State(
                succeeded: state["result"] as? Bool == true, changed: changes.keys.sorted(), description: "\(state)")
        }
        return found
    }
}
