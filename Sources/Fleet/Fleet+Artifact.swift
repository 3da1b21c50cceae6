import Foundation
import Processes

/// The static assets of a version: a tar archive, compressed or not, that nodes fetch and unpack.
package struct ArtifactPlan: Sendable, Hashable {
    package enum Source: Sendable, Hashable {
        /// Fetched by each node. A presigned URL is a secret: it is sent on standard input and never logged.
        case url(String)
        /// A file of this machine, of at most `ArtifactPlan.sizeLimit` bytes, sent to each node over the conversations.
        case file(String)
    }

    package enum Checksum: Sendable, Hashable {
        /// 64 hexadecimal digits.
        case sha256(String)
        /// The URL of a text whose first word is the checksum, in the format of sha256sum(1).
        case url(String)
    }

    /// The size limit of a local file, in bytes. It goes through a shell on every node; larger files must be fetched by the nodes.
    package static let sizeLimit = 64 << 20

    package var source: Source
    package var checksum: Checksum?
    package var size: Int?
    /// The number of releases to keep, besides those in use.
    package var keep: Int
    /// The time limit for fetching and unpacking.
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
    struct ArtifactArguments {
        var arguments: [String]
        var texts: [NodePayload.Text]
    }

    /// The arguments of the stage command for an artifact. A local file is sent to the node here.
    func deliver(
        _ artifact: ArtifactPlan,
        of upstream: Upstream,
        to node: Node,
        _ plan: StagePlan
    ) async throws -> ArtifactArguments {
        var request = ArtifactArguments(
            arguments: ["keep=\(artifact.keep)", "artifact_seconds=\(wholeSeconds(artifact.timeout))"], texts: [])
        var (size, checksum) = (artifact.size, artifact.checksum)
        switch artifact.source {
        case .url(let url):
            request.arguments.append("artifact=url")
            request.texts.append(.init("url", try address(url, node)))
        case .file(let path):
            request.arguments.append("artifact=part")
            let file = try await LocalArtifact(path, for: node)
            if let size, size != file.size {
                throw NodeFailure(node, .artifact(output: ["\(path) has \(file.size) bytes, not \(size)"]))
            }
            try await send(file, of: upstream, to: node, plan, in: artifact.timeout)
            size = file.size
            checksum = checksum ?? .sha256(file.sha256)
        }
        if let size { request.arguments.append("size=\(size)") }
        switch checksum {
        case nil: break
        case .sha256(let digits): request.arguments.append("sha256=\(digits.lowercased())")
        case .url(let url): request.texts.append(.init("sum", try address(url, node)))
        }
        return request
    }

    /// A URL that is safe in curl's configuration and in a line of text.
    private func address(_ url: String, _ node: Node) throws -> [UInt8] {
        let isPlain = url.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        guard isPlain, url.hasPrefix("https://") || url.hasPrefix("http://") else {
            throw NodeFailure(
                node,
                .artifact(output: ["its URL must begin with https:// or http:// and have no spaces or quotation marks"])
            )
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
                throw NodeFailure(node, .artifact(output: ["\(file.path) was truncated while it was sent"]))
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
            if facts["artifact"] == "failed" { throw NodeFailure(node, .artifact(output: facts.messages)) }
            offset += piece.count
            guard facts.number("received") == offset else {
                throw NodeFailure(node, .artifact(output: ["another conversation is sending the same file"]))
            }
        }
    }
}

/// A local file to send to nodes.
private struct LocalArtifact {
    /// The bytes per conversation, which a shell handles easily.
    static let piece = 256 << 10

    var path: String
    var size: Int
    var sha256: String

    init(_ path: String, for node: Node) async throws {
        self.path = path
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let attributes, attributes[.type] as? FileAttributeType == .typeRegular,
            let size = (attributes[.size] as? NSNumber)?.intValue
        else { throw NodeFailure(node, .artifact(output: ["there is no file \(path) on this machine"])) }
        guard size > 0 else { throw NodeFailure(node, .artifact(output: ["\(path) is empty"])) }
        guard size <= ArtifactPlan.sizeLimit else {
            let limit = ArtifactPlan.sizeLimit >> 20
            throw NodeFailure(
                node,
                .artifact(output: [
                    "\(path) has \(size >> 20) MiB; the limit for a file that is sent over the nodes' connections is \(limit) MiB: put it "
                        + "where the nodes can fetch it (https:// or s3://)"
                ])
            )
        }
        self.size = size
        let completed = try? await Command("sha256sum", ["--", path]).run(deadline: .seconds(60))
        guard let digits = completed?.output.split(separator: " ").first.map(String.init), digits.count == 64 else {
            throw NodeFailure(
                node, .artifact(output: ["\(path) cannot be read: \(completed?.error ?? "no sha256sum here")"]))
        }
        sha256 = digits
    }

    func open(for node: Node) throws -> FileHandle {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw NodeFailure(node, .artifact(output: ["\(path) cannot be read"]))
        }
        return handle
    }
}
