import Foundation

/// The program that every request to a node runs: fixed text, for `sh`, put together from the files in `Script/` (its README tells
/// how to read, run and check them).
///
/// Nothing from outside is ever put into its text. It travels in one of three ways:
///
/// - **One request a shell** (`input(payload:)`): on standard input of `sh -s -- ACTION KEY=VALUE…`. What an action needs
///   beyond its arguments (`NodePayload`) follows in a quoted here-document, whose last line says that it is complete.
/// - **A session** (`NodeSession`): on standard input of `sh`, once, followed by `serve`; from then on standard input carries
///   requests as data, which nothing evaluates.
/// - **Installed on the node** as a program of its own, which ends in `serve` as well: requests as in a session, no upload.
package enum NodeScript {
    typealias File = (name: String, bytes: [UInt8])

    /// The facts that it answers with; a node that answers with another version runs another script.
    package static let version = 4

    /// All of it is function definitions and variables; `main` starts it. `common.sh` comes first: it sets up the shell.
    static let parts: [File] = [
        ("common.sh", PackageResources.common_sh),
        ("state.sh", PackageResources.state_sh),
        ("payload.sh", PackageResources.payload_sh),
        ("file.sh", PackageResources.file_sh),
        ("nginx.sh", PackageResources.nginx_sh),
        ("loaded.sh", PackageResources.loaded_sh),
        ("configuration.sh", PackageResources.configuration_sh),
        ("sockets.sh", PackageResources.sockets_sh),
        ("assets.sh", PackageResources.assets_sh),
        ("unpacking.sh", PackageResources.unpacking_sh),
        ("connections.sh", PackageResources.connections_sh),
        ("probe.sh", PackageResources.probe_sh),
        ("visits.sh", PackageResources.visits_sh),
        ("installed.sh", PackageResources.installed_sh),
        ("read.sh", PackageResources.read_sh),
        ("receive.sh", PackageResources.receive_sh),
        ("stage.sh", PackageResources.stage_sh),
        ("switch.sh", PackageResources.switch_sh),
        ("drain.sh", PackageResources.drain_sh),
        ("check.sh", PackageResources.check_sh),
        ("main.sh", PackageResources.main_sh),
    ]

    /// Programs that the parts have other interpreters run: each is the value of a variable with the name of its file.
    static let programs: [File] = [
        ("configuration.awk", PackageResources.configuration_awk),
        ("archive.awk", PackageResources.archive_awk),
        ("arrivals.awk", PackageResources.arrivals_awk),
        ("links.sh", PackageResources.links_sh),
        ("connections.bash", PackageResources.connections_bash),
        ("request.bash", PackageResources.request_bash),
    ]

    private static let compactProgram = program(parts, isCompact: true)

    /// What goes to standard input.
    package static func input(payload: NodePayload = .none) -> String {
        compactProgram + "main \"$@\" <<'VIRIDIAN'\n" + payload.lines + "=end\nVIRIDIAN\n"
    }

    /// One text of the parts and all programs. Compact is without comments and indentation, for the way to the node; whoever installs
    /// the text on a node reads it first.
    static func program(_ parts: [File], isCompact: Bool = false) -> String {
        func text(_ file: File) -> String {
            String(decoding: isCompact ? compacted(file.bytes) : file.bytes, as: UTF8.self)
        }
        return parts.map { text($0) + "\n" }.joined()
            + programs.map { variable(of: $0.name) + "=" + quoted(text($0)) + "\n" }.joined()
    }

    /// `configuration_awk` for `configuration.awk`.
    static func variable(of name: String) -> String { name.replacing(".", with: "_") }

    /// The text as one word of a shell. Nothing in single quotation marks means anything to it but the next such mark.
    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }

    /// The text without lines that are empty or a comment, and without indentation. In the files of `Script/` none of them is part of a
    /// string or a here-document (a test compares what bash makes of both texts).
    static func compacted(_ bytes: [UInt8]) -> [UInt8] {
        var compact: [UInt8] = []
        compact.reserveCapacity(bytes.count)
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let text = line.drop { $0 == UInt8(ascii: " ") }
            if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
            compact += text
            compact.append(UInt8(ascii: "\n"))
        }
        return compact
    }

    static func bytes(base64 lines: [String]) -> [UInt8]? {
        Data(base64Encoded: lines.joined()).map(Array.init)
    }
}
