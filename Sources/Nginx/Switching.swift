extension UpstreamFile {
    /// The same file with `up` taking the requests and `down` marked `down`, all lines of a port alike, in the upstream and in every
    /// other of the file that has exactly the two ports (`UpstreamBlock.isPair`). Those named `…-preview` are for the colour
    /// that is not live, and become the other way round.
    ///
    /// Only the word `down`, with the white space before it, comes or goes. Where it stood on one line, it is put on the other, so that
    /// switching and switching back gives the bytes from before. A file that is already so is returned as it is.
    package func switching(_ name: String, up: Int, down: Int) throws(UpstreamFileError) -> UpstreamFile {
        guard up != down else { throw .samePort(up) }
        let upstream = try upstream(name)
        var edits = edits(
            rising: try servers(of: upstream, onPort: up), sinking: try servers(of: upstream, onPort: down))
        for other in upstreams where other.name != name && other.isPair(of: PortPair(blue: up, green: down)) {
            let (rising, sinking) = other.isPreview ? (down, up) : (up, down)
            edits += self.edits(rising: other.servers(onPort: rising), sinking: other.servers(onPort: sinking))
        }
        guard !edits.isEmpty else { return self }
        return try UpstreamFile(parsing: applied(edits))
    }

    /// The upstream that sends requests to the colour that is not live, where a file has one.
    package static func previewName(of upstream: String) -> String { upstream + previewSuffix }

    static let previewSuffix = "-preview"

    /// The lines, counted from 1, on which the file names a port in an upstream that a switch edits.
    package func switchedLines(of name: String, ports: PortPair) -> Set<Int> {
        upstreams.filter { $0.name == name || $0.isPair(of: ports) }.reduce(into: []) { lines, upstream in
            for server in upstream.servers where server.loopbackPort.map({ ports.has($0) }) == true {
                lines.formUnion(server.words.map { line(at: $0.range.lowerBound) })
            }
        }
    }

    private func line(at offset: Int) -> Int { bytes[..<offset].count { $0 == .newline } + 1 }

    private func edits(rising: [UpstreamServer], sinking: [UpstreamServer]) -> [Edit] {
        var edits: [Edit] = []
        var styles: [Style] = []
        for server in rising where server.isDown {
            styles.append(style(of: server))
            edits += removals(from: server)
        }
        for (index, server) in sinking.filter({ !$0.isDown }).enumerated() {
            let style = styles.isEmpty ? Style.usual : styles[min(index, styles.count - 1)]
            edits.append(insertion(into: server, style))
        }
        return edits
    }

    private struct Edit {
        var range: Range<Int>
        var replacement: [UInt8]
    }

    /// How a line wears its `down`: as the last word or before others, and with what before it.
    private struct Style {
        /// Its place among the line's words (`server` is 0); `nil` is the last.
        var position: Int?
        var text: [UInt8]

        static let usual = Style(position: nil, text: Array(" down".utf8))
    }

    private func style(of server: UpstreamServer) -> Style {
        guard let position = server.words.indices.dropFirst(2).first(where: { server.words[$0].value == "down" }) else {
            return .usual
        }
        let word = server.words[position].range
        let space = bytes[spaceBefore(word)]
        return Style(
            position: position == server.words.count - 1 ? nil : position,
            text: (space.isEmpty ? [.space] : Array(space)) + bytes[word]
        )
    }

    private func removals(from server: UpstreamServer) -> [Edit] {
        server.words.dropFirst(2).filter { $0.value == "down" }.map {
            Edit(range: spaceBefore($0.range).lowerBound..<$0.range.upperBound, replacement: [])
        }
    }

    private func insertion(into server: UpstreamServer, _ style: Style) -> Edit {
        let after = server.words[min(style.position.map { $0 - 1 } ?? .max, server.words.count - 1)].range.upperBound
        return Edit(range: after..<after, replacement: style.text)
    }

    /// The white space before a word, but not the line end of a comment: without it the comment would go on.
    private func spaceBefore(_ word: Range<Int>) -> Range<Int> {
        var start = word.lowerBound
        while start > 0, bytes[start - 1].isSpace { start -= 1 }
        let lineStart = bytes[..<start].lastIndex(of: .newline).map { $0 + 1 } ?? 0
        guard bytes[lineStart..<start].contains(.hash),
            let lineEnd = bytes[start..<word.lowerBound].firstIndex(of: .newline)
        else { return start..<word.lowerBound }
        return lineEnd + 1..<word.lowerBound
    }

    private func applied(_ edits: [Edit]) -> [UInt8] {
        var result: [UInt8] = []
        var offset = 0
        for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            result += bytes[offset..<edit.range.lowerBound]
            result += edit.replacement
            offset = edit.range.upperBound
        }
        return result + bytes[offset...]
    }
}
