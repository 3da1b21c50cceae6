/// The wire format of a session: one request after the other over one standard input and output.
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
/// `end=7 STATUS`. Everything before the ready line was printed by the login. Text that others wrote follows a key, so it cannot be
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

    /// All function definitions of a session, as they are in `Script/`; `serve` starts it.
    package static let functions = NodeScript.program(NodeScript.parts + [session])
    package static let upload = NodeScript.program(NodeScript.parts + [session], isCompact: true) + "serve\n"

    private static let session: NodeScript.File = ("session.sh", PackageResources.session_sh)

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
