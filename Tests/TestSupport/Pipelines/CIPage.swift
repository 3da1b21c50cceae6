import Foundation

/// The page `docs/ci.md`.
package enum CIPage {
    /// The script of its section "Another CI", as somebody copies it: for this server, and with shorter pauses.
    package static func script(server: String) throws -> String {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/ci.md")
        let text = try String(contentsOf: page.standardizedFileURL, encoding: .utf8)
        guard let block = text.firstMatch(of: #/```sh\n(#!\/bin\/sh\n[\s\S]*?)```/#)?.output.1 else { throw NoScript() }
        return String(block).replacing("https://deploy.domain.com", with: server).replacing("sleep 5", with: "sleep 1")
    }

    private struct NoScript: Error {}
}
