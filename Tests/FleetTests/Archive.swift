import Foundation
import Processes

/// A tar archive (POSIX ustar), which can have entries that tar(1) would not create.
struct Archive {
    enum Kind: UInt8 {
        case file = 0x30
        case hardLink = 0x31
        case link = 0x32
        case device = 0x33
        case directory = 0x35
        case pipe = 0x36
    }

    private(set) var bytes: [UInt8] = []

    /// `owner` and `group` are the names of the account that packed it.
    mutating func add(
        _ name: String, _ kind: Kind = .file, _ content: String = "", to target: String = "", mode: Int? = nil,
        owner: String = "", group: String = ""
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: digits - text.utf8.count) + text
        }
        let data = Array(content.utf8)
        put(name, at: 0)
        put(octal(mode ?? (kind == .directory ? 0o755 : 0o644), 7), at: 100)
        put(octal(4000, 7), at: 108)
        put(octal(4000, 7), at: 116)
        put(octal(data.count, 11), at: 124)
        put(octal(1_445_783_643, 11), at: 136)
        put("        ", at: 148)
        header[156] = kind.rawValue
        put(target, at: 157)
        put("ustar", at: 257)
        put("00", at: 263)
        put(owner, at: 265)
        put(group, at: 297)
        put(octal(1, 7), at: 329)
        put(octal(3, 7), at: 337)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148)
        header[154] = 0
        bytes += header + data + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    /// With the two zero blocks at the end.
    var whole: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// `css/a.css` and `index.txt`, with the version in the text.
    static func assets(_ text: String) -> Archive {
        var archive = Archive()
        archive.add("./", .directory)
        archive.add("./css/", .directory)
        archive.add("./css/a.css", .file, text)
        archive.add("./index.txt", .file, text + "\n")
        archive.add("./css/b.css", .link, to: "a.css")
        return archive
    }
}

func gzipped(_ bytes: [UInt8], in directory: String) async throws -> [UInt8] {
    let path = directory + "/\(UUID().uuidString).tar"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let completed = try await Command("gzip", ["-n", path]).run()
    guard completed.succeeded else { throw SocketError(description: completed.error) }
    return Array(try Data(contentsOf: URL(fileURLWithPath: path + ".gz")))
}
