import Foundation
import Processes

/// Static assets of a version: a tar archive, compressed or not, that nodes fetch and unpack.
package struct ArtifactPlan: Sendable, Hashable {
    package enum Source: Sendable, Hashable {
        /// Fetched by each node. A presigned URL is a secret: it travels on standard input, and nothing repeats it.
        case url(String)
        /// A file of this machine, of at most `ArtifactPlan.mostBytes`: it goes to each node over the conversations.
        case file(String)
    }

    package enum Checksum: Sendable, Hashable {
        /// 64 hexadecimal digits.
        case sha256(String)
        /// Of a text whose first word that is, as sha256sum(1) writes it.
        case url(String)
    }

    /// The most that a file of this machine may have. It goes through a shell on every node; what is larger belongs where nodes can
    /// fetch it.
    package static let mostBytes = 64 << 20

    package var source: Source
    package var checksum: Checksum?
    package var size: Int?
    /// How many releases stay, besides those in use.
    package var keep: Int
    /// For fetching and unpacking.
    package var timeout: Duration

    package init(
        _ source: Source,
        checksum: Checksum? = nil,
        size: Int? = nil,
        keep: Int = 5,
        timeout: Duration = .seconds(300)
    ) {
        self.source = source
        self.checksum = checksum
        self.size = size
        self.keep = keep
        self.timeout = timeout
    }
}

extension Fleet {
    struct Described {
        var arguments: [String]
        var texts: [NodePayload.Text]
    }

    /// What the order to stage says about an artifact. A file of this machine is on the node after this.
    func deliver(
        _ artifact: ArtifactPlan,
        of upstream: Upstream,
        to node: Node,
        _ plan: StagePlan
    ) async throws -> Described {
        var described = Described(
            arguments: ["keep=\(artifact.keep)", "artifact_seconds=\(wholeSeconds(artifact.timeout))"], texts: [])
        var (size, checksum) = (artifact.size, artifact.checksum)
        switch artifact.source {
        case .url(let url):
            described.arguments.append("artifact=url")
            described.texts.append(.init("url", try address(url, node)))
        case .file(let path):
            described.arguments.append("artifact=part")
            let file = try await LocalArtifact(path, for: node)
            if let size, size != file.size {
                throw NodeFailure(node, .artifact(words: ["\(path) has \(file.size) bytes, not \(size)"]))
            }
            try await send(file, of: upstream, to: node, plan, in: artifact.timeout)
            size = file.size
            checksum = checksum ?? .sha256(file.sha256)
        }
        if let size { described.arguments.append("size=\(size)") }
        switch checksum {
        case nil: break
        case .sha256(let digits): described.arguments.append("sha256=\(digits.lowercased())")
        case .url(let url): described.texts.append(.init("sum", try address(url, node)))
        }
        return described
    }

    /// A URL as curl's configuration and a line of text can hold it.
    private func address(_ url: String, _ node: Node) throws -> [UInt8] {
        let isPlain = url.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        guard isPlain, url.hasPrefix("https://") || url.hasPrefix("http://") else {
            throw NodeFailure(
                node, .artifact(words: ["its URL has to be https:// and free of spaces and quotation marks"]))
        }
        return Array(url.utf8) + [10]
    }

    private func send(
        _ file: LocalArtifact,
        of upstream: Upstream,
        to node: Node,
        _ plan: StagePlan,
        in limit: Duration
    ) async throws {
        let handle = try file.open(for: node)
        defer { try? handle.close() }
        let end = ContinuousClock.now + limit
        var offset = 0
        while offset < file.size {
            guard let piece = try handle.read(upToCount: LocalArtifact.piece), !piece.isEmpty else {
                throw NodeFailure(node, .artifact(words: ["\(file.path) became shorter while it was sent"]))
            }
            guard ContinuousClock.now < end else { throw NodeFailure(node, .timedOut(after: limit)) }
            let facts = try await converse(
                "receive",
                of: upstream,
                with: node,
                arguments: ["version=\(plan.version)", "offset=\(offset)", "size=\(piece.count)"],
                payload: .bytes(Array(piece)),
                token: plan.token
            )
            if facts["artifact"] == "failed" { throw NodeFailure(node, .artifact(words: facts.said)) }
            offset += piece.count
            guard facts.number("received") == offset else {
                throw NodeFailure(node, .artifact(words: ["another conversation sends the same file"]))
            }
        }
    }
}

/// A file of this machine on its way to nodes.
private struct LocalArtifact {
    /// What a shell takes in without effort.
    static let piece = 256 << 10

    var path: String
    var size: Int
    var sha256: String

    init(_ path: String, for node: Node) async throws {
        self.path = path
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let attributes, attributes[.type] as? FileAttributeType == .typeRegular,
            let size = (attributes[.size] as? NSNumber)?.intValue
        else { throw NodeFailure(node, .artifact(words: ["there is no file \(path) on this machine"])) }
        guard size > 0 else { throw NodeFailure(node, .artifact(words: ["\(path) is empty"])) }
        guard size <= ArtifactPlan.mostBytes else {
            let most = ArtifactPlan.mostBytes >> 20
            throw NodeFailure(
                node,
                .artifact(words: [
                    "\(path) has \(size >> 20) MiB, and a file that goes over the nodes' connections may have \(most): put it "
                        + "where they can fetch it (https:// or s3://)"
                ])
            )
        }
        self.size = size
        let completed = try? await Command("sha256sum", ["--", path]).run(deadline: .seconds(60))
        guard let digits = completed?.output.split(separator: " ").first.map(String.init), digits.count == 64 else {
            throw NodeFailure(
                node, .artifact(words: ["\(path) cannot be read: \(completed?.error ?? "no sha256sum here")"]))
        }
        sha256 = digits
    }

    func open(for node: Node) throws -> FileHandle {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw NodeFailure(node, .artifact(words: ["\(path) cannot be read"]))
        }
        return handle
    }
}
