extension UpstreamFile {
    /// A new file for an app: one server line for each colour, with `max_fails=0` (see `serversThatMayFail`). With `preview` it has a
    /// second upstream, for the colour that is not live.
    package static func rendered(upstream: String, ports: PortPair, live: Int, preview: Bool = false) -> String {
        func block(_ name: String, up: Int) -> String {
            func server(_ port: Int) -> String {
                "    server 127.0.0.1:\(port) max_fails=0\(port == up ? "" : " down");\n"
            }
            return "upstream \(name) {\n" + server(ports.blue) + server(ports.green) + "}\n"
        }
        return block(upstream, up: live)
            + (preview ? block(previewName(of: upstream), up: ports.other(than: live)) : "")
    }
}
