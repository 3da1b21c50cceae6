/// The wire format of a session: consecutive requests over one standard input and output.
///
/// To the node, line by line:
///
/// ```
/// begin 7               a request, with a number that its end repeats
/// +switch               its first argument
/// +post=cd /srv         another; `|` continues it after a line feed
/// |./announce
/// :=plain               a line of the payload
/// end                   starts the request; a truncated request never starts
/// stop                  stops the running request (SIGTERM, after 10 s SIGKILL) and ends the session
/// ```
///
/// From the node: `viridian-session=1` when it is ready, then the facts of each request, and after them `end=7 STATUS`. Everything
/// before the ready line was printed by the login. External text follows a key, so that it cannot be mistaken for an end.
///
/// When the connection is lost, the running request gets SIGHUP: a switch is completed, everything else ends.
///
/// A shell buffers its input, so the client waits between the steps: it sends `greeting`, and when a shell answers with `shell`, it sends
/// `upload`. An installed node script sends `ready` without upload and ignores the greeting.
package enum NodeSession {
    package static let greeting = "echo viridian-shell\n"
    static let shell = "viridian-shell"
    static let ready = "viridian-session=1"
    static let stop = "stop\n"

    /// The function definitions of a session, as in `Script/`; `serve` starts it.
    package static let functions = NodeScript.program(NodeScript.parts + [session])
    package static let upload = NodeScript.program(NodeScript.parts + [session], isCompact: true) + "serve\n"

    private static let session: NodeScript.File = ("session.sh", PackageResources.session_sh)

    package static func request(_ number: Int, arguments: [String], payload: NodePayload) -> String {
        var text = "begin \(number)\n"
        for argument in arguments {
            // As UTF-8, since CR LF is one Character. A shell variable cannot contain NUL.
            for (index, line) in argument.utf8.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
                text += (index == 0 ? "+" : "|") + String(decoding: line.filter { $0 != 0 }, as: UTF8.self) + "\n"
            }
        }
        for line in payload.lines.utf8.split(separator: 10) {
            text += ":" + String(decoding: line, as: UTF8.self) + "\n"
        }
        return text + "end\n"
    }

    /// The number and exit status of the request that the line ends; `nil` for other lines.
    static func end(in line: String) -> (number: Int, status: Int32)? {
        guard line.hasPrefix("end=") else { return nil }
        let words = line.dropFirst(4).split(separator: " ")
        guard words.count == 2, let number = Int(words[0]), let status = Int32(words[1]) else { return nil }
        return (number, status)
    }
}
