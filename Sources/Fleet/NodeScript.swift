import Foundation

/// The program that runs every request on a node: fixed text for `sh`, assembled from the files in `Script/` (its README describes how to
/// read, run and check them).
///
/// External values are never inserted into its text. It is sent in one of three ways:
///
/// - **One request per shell** (`input(payload:)`): on standard input of `sh -s -- ACTION KEY=VALUE…`. Data beyond the arguments
///   (`NodePayload`) follows in a quoted here-document, whose last line marks its end.
/// - **A session** (`NodeSession`): on standard input of `sh`, once, followed by `serve`; then standard input carries requests as data,
///   which nothing evaluates.
/// - **Installed on the node** as a program that also ends in `serve`: requests as in a session, without upload.
package enum NodeScript {
    typealias File = (name: String, bytes: [UInt8])

    /// The version of the script and its facts. A node that reports another version has another script.
    package static let version = 5

    /// The parts define functions and variables; `main` starts the script. `common.sh` comes first, as it sets up the shell.
    static let parts: [File] = [
        ("common.sh", PackageResources.common_sh),
        ("state.sh", PackageResources.state_sh),
        ("payload.sh", PackageResources.payload_sh),
        ("upstream_file.sh", PackageResources.upstream_file_sh),
        ("nginx.sh", PackageResources.nginx_sh),
        ("loaded.sh", PackageResources.loaded_sh),
        ("configuration.sh", PackageResources.configuration_sh),
        ("sockets.sh", PackageResources.sockets_sh),
        ("assets.sh", PackageResources.assets_sh),
        ("unpacking.sh", PackageResources.unpacking_sh),
        ("exchange.sh", PackageResources.exchange_sh),
        ("probe.sh", PackageResources.probe_sh),
        ("visits.sh", PackageResources.visits_sh),
        ("restrictions.sh", PackageResources.restrictions_sh),
        ("read.sh", PackageResources.read_sh),
        ("readall.sh", PackageResources.readall_sh),
        ("receive.sh", PackageResources.receive_sh),
        ("stage.sh", PackageResources.stage_sh),
        ("switch.sh", PackageResources.switch_sh),
        ("drain.sh", PackageResources.drain_sh),
        ("check.sh", PackageResources.check_sh),
        ("checkall.sh", PackageResources.checkall_sh),
        ("inspect.sh", PackageResources.inspect_sh),
        ("main.sh", PackageResources.main_sh),
    ]

    /// Programs for other interpreters. Each is the value of a variable named after its file.
    static let programs: [File] = [
        ("configuration.awk", PackageResources.configuration_awk),
        ("inspection.awk", PackageResources.inspection_awk),
        ("archive.awk", PackageResources.archive_awk),
        ("arrivals.awk", PackageResources.arrivals_awk),
        ("allowed.awk", PackageResources.allowed_awk),
        ("links.sh", PackageResources.links_sh),
        ("exchange.bash", PackageResources.exchange_bash),
        ("visit.bash", PackageResources.visit_bash),
    ]

    private static let compactProgram = program(parts, isCompact: true)

    /// The standard input of one request.
    package static func input(payload: NodePayload = .none) -> String {
        compactProgram + "main \"$@\" <<'VIRIDIAN'\n" + payload.lines + "=end\nVIRIDIAN\n"
    }

    /// The text of the parts and all programs. The compact text has no comments and indentation, for sending it to nodes; an installed
    /// script keeps them for its readers.
    static func program(_ parts: [File], isCompact: Bool = false) -> String {
        func text(_ file: File) -> String {
            String(decoding: isCompact ? compacted(file.bytes) : file.bytes, as: UTF8.self)
        }
        return parts.map { text($0) + "\n" }.joined()
            + programs.map { variable(of: $0.name) + "=" + quoted(text($0)) + "\n" }.joined()
    }

    /// `configuration_awk` for `configuration.awk`.
    static func variable(of name: String) -> String { name.replacing(".", with: "_") }

    /// The text, quoted for a shell. Within single quotation marks only the next such mark is special.
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
