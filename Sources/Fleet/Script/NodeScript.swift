import Foundation

/// The program that every conversation with a node runs: fixed text, sent on standard input to `sh -s -- ACTION KEY=VALUE…`.
///
/// Nothing from outside is ever put into its text. What an action needs beyond its arguments follows in base64 in a quoted
/// here-document, whose last line says that it is complete.
package enum NodeScript {
    /// The facts that it answers with; a node that answers with another version runs another script.
    package static let version = 1

    /// All of it is function definitions; `main` starts it.
    static let functions = [common, nginx, switching, actions].joined(separator: "\n\n") + "\n"

    /// What goes to standard input.
    static func input(payload: [UInt8] = []) -> String {
        functions + "main \"$@\" <<'VIRIDIAN'\n" + base64(payload) + "=end\nVIRIDIAN\n"
    }

    /// In lines of 76 characters, as base64(1) prints it: the script compares texts in this form.
    static func base64(_ bytes: [UInt8]) -> String {
        guard !bytes.isEmpty else { return "" }
        return Data(bytes).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed]) + "\n"
    }

    static func bytes(base64 lines: [String]) -> [UInt8]? {
        Data(base64Encoded: lines.joined()).map(Array.init)
    }
}
