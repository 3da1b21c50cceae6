extension UpstreamFile {
    /// The same file with requests going to port `up` and all lines of port `down` marked `down`, in the upstream and in every other
    /// upstream of the file that has exactly these two ports (`UpstreamBlock.isPair`). Upstreams named `…-preview` are for the colour
    /// that is not live, and are switched the other way round.
    ///
    /// Only the word `down`, with the white space before it, is added or removed. It is put where it was on the other line, so that
    /// switching and switching back restores the same bytes. A file that needs no change is returned unchanged.
    package func switching(_ name: String, up: Int, down: Int) throws(UpstreamFileError) -> UpstreamFile {
        guard up != down else { throw .samePort(up) }
        let upstream = try upstream(name)
        var edits = edits(
            bringingUp: try servers(of: upstream, onPort: up), takingDown: try servers(of: upstream, onPort: down))
        for other in upstreams where other.name != name && other.isPair(of: PortPair(blue: up, green: down)) {
            let (newUp, newDown) = other.isPreview ? (down, up) : (up, down)
            edits += self.edits(bringingUp: other.servers(onPort: newUp), takingDown: other.servers(onPort: newDown))
        }
        guard !edits.isEmpty else { return self }
        return try UpstreamFile(parsing: applied(edits))
    }

    /// The name of the upstream for the colour that is not live.
    package static func previewName(of upstream: String) -> String { upstream + previewSuffix }

    static let previewSuffix = "-preview"

    /// The lines, counted from 1, that name a port in an upstream that a switch edits.
    package func switchedLines(of name: String, ports: PortPair) -> Set<Int> {
        upstreams.filter { $0.name == name || $0.isPair(of: ports) }.reduce(into: []) { lines, upstream in
            for server in upstream.servers where server.loopbackPort.map({ ports.has($0) }) == true {
                lines.formUnion(server.words.map { line(at: $0.range.lowerBound) })
            }
        }
    }

    private func line(at offset: Int) -> Int { bytes[..<offset].count { $0 == .newline } + 1 }

    private func edits(bringingUp up: [UpstreamServer], takingDown down: [UpstreamServer]) -> [Edit] {
        var edits: [Edit] = []
        var placements: [DownPlacement] = []
        for server in up where server.isDown {
            placements.append(placement(in: server))
            edits += removals(from: server)
        }
        for (index, server) in down.filter({ !$0.isDown }).enumerated() {
            let placement = placements.isEmpty ? DownPlacement.usual : placements[min(index, placements.count - 1)]
            edits.append(insertion(into: server, placement))
        }
        return edits
    }

    private struct Edit {
        var range: Range<Int>
        var replacement: [UInt8]
    }

    /// Where `down` is in a server line, and the white space before it.
    private struct DownPlacement {
        /// Its position among the line's words (`server` is 0); `nil` is the last.
        var position: Int?
        var text: [UInt8]

        static let usual = DownPlacement(position: nil, text: Array(" down".utf8))
    }

    private func placement(in server: UpstreamServer) -> DownPlacement {
        guard let position = server.words.indices.dropFirst(2).first(where: { server.words[$0].value == "down" }) else {
            return .usual
        }
        let word = server.words[position].range
        let space = bytes[spaceBefore(word)]
        return DownPlacement(
            position: position == server.words.count - 1 ? nil : position,
            text: (space.isEmpty ? [.space] : Array(space)) + bytes[word]
        )
    }

    private func removals(from server: UpstreamServer) -> [Edit] {
        server.words.dropFirst(2).filter { $0.value == "down" }.map {
            Edit(range: spaceBefore($0.range).lowerBound..<$0.range.upperBound, replacement: [])
        }
    }

    private func insertion(into server: UpstreamServer, _ placement: DownPlacement) -> Edit {
        let after = server.words[min(placement.position.map { $0 - 1 } ?? .max, server.words.count - 1)].range
            .upperBound
        return Edit(range: after..<after, replacement: placement.text)
    }

    /// The white space before a word, except the line end of a comment: without it the comment would continue.
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
