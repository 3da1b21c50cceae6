import Foundation

/// The program that every conversation with a node runs: fixed text, for `sh`.
///
/// Nothing from outside is ever put into its text. It travels in one of three ways:
///
/// - **One conversation a shell** (`input(payload:)`): on standard input of `sh -s -- ACTION KEY=VALUE…`. What an action needs
///   beyond its arguments (`NodePayload`) follows in a quoted here-document, whose last line says that it is complete.
/// - **A session** (`NodeSession`): on standard input of `sh`, once, followed by `serve`; from then on standard input carries
///   requests as data, which nothing evaluates.
/// - **Installed on the node** as a program of its own, which ends in `serve` as well: requests as in a session, no upload.
package enum NodeScript {
    /// The facts that it answers with; a node that answers with another version runs another script.
    package static let version = 4

    /// All of it is function definitions; `main` starts it.
    static let functions =
        [common, nginx, configuration, assets, probing, visiting, switching, installed, actions].joined(
            separator: "\n\n") + "\n"

    /// What goes to standard input.
    package static func input(payload: NodePayload = .none) -> String {
        functions + "main \"$@\" <<'VIRIDIAN'\n" + payload.lines + "=end\nVIRIDIAN\n"
    }

    static func bytes(base64 lines: [String]) -> [UInt8]? {
        Data(base64Encoded: lines.joined()).map(Array.init)
    }
}

/// The wire format of a session: one conversation after the other over one standard input and output.
///
/// To the node, line by line:
///
/// ```
/// begin 7               a request, with a number that its end repeats
/// +switch               its first argument
/// +post=cd /srv         another; `|` continues it after a line feed
/// |./announce
/// :=plain               a line of the payload
/// end                   only now does it begin; a request that was cut off never does
/// stop                  asks the request that is running to end (SIGTERM, after 10 s SIGKILL), and ends the session
/// ```
///
/// From the node: `viridian-session=1` when it is ready, then the facts of each request as they come, and after them
/// `end=7 STATUS`. Everything before the ready line was printed by the login. The words of others follow a key, so they cannot be
/// mistaken for an end.
///
/// When the connection is lost, the request that is running gets SIGHUP: a switch is carried through, everything else ends.
///
/// A shell buffers what it reads of its program, so the client waits between the steps: it sends `greeting`, and when a shell
/// answers with `shell`, `upload`. An installed node script says `ready` by itself and takes the greeting for a line that means nothing.
package enum NodeSession {
    package static let greeting = "echo viridian-shell\n"
    static let shell = "viridian-shell"
    static let ready = "viridian-session=1"
    static let stop = "stop\n"

    /// All function definitions of a session; `serve` starts it.
    package static let functions = NodeScript.functions + "\n" + NodeScript.session + "\n"
    package static let upload = functions + "serve\n"

    package static func request(_ number: Int, arguments: [String], payload: NodePayload) -> String {
        var text = "begin \(number)\n"
        for argument in arguments {
            // As UTF-8, since CR LF is one Character. NUL cannot be in a shell's variable.
            for (index, line) in argument.utf8.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
                text += (index == 0 ? "+" : "|") + String(decoding: line.filter { $0 != 0 }, as: UTF8.self) + "\n"
            }
        }
        for line in payload.lines.utf8.split(separator: 10) {
            text += ":" + String(decoding: line, as: UTF8.self) + "\n"
        }
        return text + "end\n"
    }

    /// The number and the status of the request that this line ends.
    static func end(in line: String) -> (number: Int, status: Int32)? {
        guard line.hasPrefix("end=") else { return nil }
        let words = line.dropFirst(4).split(separator: " ")
        guard words.count == 2, let number = Int(words[0]), let status = Int32(words[1]) else { return nil }
        return (number, status)
    }
}
