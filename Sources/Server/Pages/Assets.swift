import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Styles, the script and icons. Their names contain a hash of the content, so browsers cache them for a year.
struct Assets: Sendable {
    struct Asset: Sendable {
        var type: String
        var body: ByteBuffer
    }

    static let all = Assets([
        ("app.css", "text/css; charset=utf-8", PackageResources.app_css),
        ("live.js", "text/javascript; charset=utf-8", PackageResources.live_js),
        ("icons.svg", "image/svg+xml", PackageResources.icons_svg),
        ("favicon.svg", "image/svg+xml", PackageResources.favicon_svg),
        ("favicon-running.svg", "image/svg+xml", PackageResources.favicon_running_svg),
        ("favicon-paused.svg", "image/svg+xml", PackageResources.favicon_paused_svg),
        ("favicon-failed.svg", "image/svg+xml", PackageResources.favicon_failed_svg),
    ])

    private var paths: [String: String] = [:]
    private var assets: [String: Asset] = [:]

    private init(_ files: [(name: String, type: String, bytes: [UInt8])]) {
        for file in files {
            let hash = SHA256.hash(data: file.bytes).prefix(6).map { byte in
                let text = String(byte, radix: 16)
                return text.count < 2 ? "0" + text : text
            }.joined()
            let dot = file.name.lastIndex(of: ".") ?? file.name.endIndex
            let name = "\(file.name[..<dot])-\(hash)\(file.name[dot...])"
            paths[file.name] = "/assets/\(name)"
            assets[name] = Asset(type: file.type, body: ByteBuffer(bytes: file.bytes))
        }
    }

    /// The path of the file with this name in the sources.
    func path(_ name: String) -> String { paths[name] ?? "/assets/\(name)" }

    func response(_ name: String) throws(APIError) -> Response {
        guard let asset = assets[name] else { throw .notFound("there is no such file") }
        return Response(
            status: .ok,
            headers: [.contentType: asset.type, .cacheControl: "public, max-age=31536000, immutable"],
            body: .init(byteBuffer: asset.body)
        )
    }
}
