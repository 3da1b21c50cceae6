import Foundation

/// What an action gets beyond its arguments, in lines of its own.
package enum NodePayload: Sendable, Hashable {
    /// A piece of a file: base64.
    case bytes([UInt8])
    /// Texts with names, each behind a line `=NAME`, its lines as `|TEXT`, and `/TEXT` where no line ends there. Printable text is
    /// sent as it is, behind a line `=plain`, which saves the node a program; anything else in base64.
    case texts([Text])

    package static let none = NodePayload.bytes([])

    package struct Text: Sendable, Hashable {
        package var name: String
        package var bytes: [UInt8]

        package init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// Each line ends in a line feed, none is `=end`.
    var lines: String {
        switch self {
        case .bytes(let bytes): return Self.base64(bytes)
        case .texts(let texts):
            let bytes = texts.flatMap(Self.section)
            let isPlain = bytes.allSatisfy { $0 == 9 || $0 == 10 || (32...126).contains($0) }
            return isPlain ? "=plain\n" + String(decoding: bytes, as: UTF8.self) : Self.base64(bytes)
        }
    }

    private static func section(_ text: Text) -> [UInt8] {
        var section = Array("=\(text.name)\n".utf8)
        var rest = text.bytes[...]
        while let end = rest.firstIndex(of: 10) {
            section.append(UInt8(ascii: "|"))
            section += rest[...end]
            rest = rest[(end + 1)...]
        }
        if !rest.isEmpty { section += [UInt8(ascii: "/")] + rest + [10] }
        return section
    }

    /// In lines of 76 characters, as base64(1) prints it.
    private static func base64(_ bytes: [UInt8]) -> String {
        guard !bytes.isEmpty else { return "" }
        return Data(bytes).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed]) + "\n"
    }
}
