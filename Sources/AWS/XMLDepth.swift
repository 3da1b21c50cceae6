import Foundation

/// How deep the elements of an XML text are nested, at most.
struct XMLDepth: Comparable {
    /// AWS's answers have some ten levels.
    static let most = XMLDepth(levels: 64)

    struct TooDeep: Error {}

    private var levels: Int

    private init(levels: Int) { self.levels = levels }

    static func < (left: XMLDepth, right: XMLDepth) -> Bool { left.levels < right.levels }

    /// Malformed text has some depth too; it is the decoder that refuses it.
    init(_ data: Data) {
        var open = 0
        levels = 0
        var rest = data[...]
        while let start = rest.firstIndex(of: UInt8(ascii: "<")) {
            rest = rest[start...].dropFirst()
            if let end = Self.notAnElement.first(where: { rest.starts(with: $0.start.utf8) })?.end {
                rest = rest.range(of: Data(end.utf8)).map { rest[$0.upperBound...] } ?? rest[rest.endIndex...]
            } else if rest.first == UInt8(ascii: "/") {
                open -= 1
            } else {
                let end = Self.endOfTag(in: rest)
                levels = max(levels, open + 1)
                if rest[..<end].last != UInt8(ascii: "/") { open += 1 }
                rest = rest[end...]
            }
        }
    }

    private static let notAnElement = [
        (start: "!--", end: "-->"), (start: "![CDATA[", end: "]]>"), (start: "?", end: "?>"), (start: "!", end: ">"),
    ]

    /// The `>` that ends a tag; those in attributes' values do not.
    private static func endOfTag(in text: Data) -> Data.Index {
        var quote: UInt8?
        for index in text.indices {
            switch (text[index], quote) {
            case (UInt8(ascii: ">"), nil): return index
            case (UInt8(ascii: "\""), nil), (UInt8(ascii: "'"), nil): quote = text[index]
            case (let byte, let open?) where byte == open: quote = nil
            default: continue
            }
        }
        return text.endIndex
    }
}
