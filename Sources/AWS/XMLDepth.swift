import Foundation

/// The deepest nesting of elements in an XML text.
struct XMLDepth: Comparable {
    /// AWS's responses have about ten levels.
    static let limit = XMLDepth(levels: 64)

    struct TooDeep: Error {}

    private var levels: Int

    private init(levels: Int) { self.levels = levels }

    static func < (left: XMLDepth, right: XMLDepth) -> Bool { left.levels < right.levels }

    /// Malformed text is not rejected here, but by the decoder.
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

    /// The index of the `>` that ends a tag; a `>` in an attribute's value does not.
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
