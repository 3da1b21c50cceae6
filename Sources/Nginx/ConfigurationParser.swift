/// A directive of nginx's configuration, as `ngx_conf_file.c` parses it: words, then `;` or a block.
///
/// Its words have their byte offsets, so that an edit can leave all other bytes unchanged.
struct Directive: Sendable, Hashable {
    var words: [Word]
    var line: Int
    var block: [Directive]?

    var name: String { words.first?.value ?? "" }
}

/// A word of a directive.
struct Word: Sendable, Hashable {
    /// Its byte range in the file, including quotes.
    var range: Range<Int>
    /// Its value as nginx reads it: without quotes and escapes.
    var value: String
}

private enum Token {
    case word(Word)
    case semicolon
    case open
    case close
    case end
}

/// Parses a configuration file of nginx: words, `;`, `{`, `}`, comments, quotes.
struct Parser {
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1
    /// Deeper than any real file, and not deep enough to overflow the stack.
    private let maximumDepth = 64

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func file() throws(UpstreamFileError) -> [Directive] {
        try block(depth: 0)
    }

    private mutating func block(depth: Int) throws(UpstreamFileError) -> [Directive] {
        guard depth <= maximumDepth else {
            throw .syntax(line: line, problem: "blocks are nested more than \(maximumDepth) levels deep")
        }
        var directives: [Directive] = []
        var words: [Word] = []
        var start = line
        while true {
            let token = try next()
            switch token {
            case .word(let word):
                if words.isEmpty { start = line }
                words.append(word)
            case .semicolon:
                guard !words.isEmpty else { throw .syntax(line: line, problem: "unexpected \";\"") }
                directives.append(Directive(words: words, line: start, block: nil))
                words = []
            case .open:
                guard let first = words.first else { throw .syntax(line: line, problem: "unexpected \"{\"") }
                if first.value.hasSuffix("_by_lua_block") {
                    try skipLua()
                    directives.append(Directive(words: words, line: start, block: []))
                    words = []
                    continue
                }
                let inner = try block(depth: depth + 1)
                directives.append(Directive(words: words, line: start, block: inner))
                words = []
            case .close:
                guard words.isEmpty, depth > 0 else { throw .syntax(line: line, problem: "unexpected \"}\"") }
                return directives
            case .end:
                guard words.isEmpty else {
                    throw .syntax(line: line, problem: "the file ends where \";\" or \"}\" is expected")
                }
                guard depth == 0 else { throw .syntax(line: line, problem: "the file ends where \"}\" is expected") }
                return directives
            }
        }
    }

    private mutating func next() throws(UpstreamFileError) -> Token {
        skipSpaceAndComments()
        guard offset < bytes.count else { return .end }
        switch bytes[offset] {
        case .semicolon:
            offset += 1
            return .semicolon
        case .open:
            offset += 1
            return .open
        case .close:
            offset += 1
            return .close
        case .doubleQuote, .singleQuote:
            return .word(try quoted())
        default:
            return .word(plain())
        }
    }

    private mutating func skipSpaceAndComments() {
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte.isSpace {
                advance()
            } else if byte == .hash {
                while offset < bytes.count, bytes[offset] != .newline { offset += 1 }
            } else {
                return
            }
        }
    }

    private mutating func advance() {
        if bytes[offset] == .newline { line += 1 }
        offset += 1
    }

    /// Skips a block of Lua (lua-nginx-module), after its opening brace: Lua has quotes and comments of its own, and its braces are
    /// balanced.
    private mutating func skipLua() throws(UpstreamFileError) {
        let startLine = line
        var depth = 1
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case .open: depth += 1
            case .close: depth -= 1
            case .doubleQuote, .singleQuote:
                advance()
                while offset < bytes.count, bytes[offset] != byte, bytes[offset] != .newline {
                    if bytes[offset] == .backslash { advance() }
                    if offset < bytes.count { advance() }
                }
            case .dash where offset + 1 < bytes.count && bytes[offset + 1] == .dash:
                while offset < bytes.count, bytes[offset] != .newline { offset += 1 }
            default: break
            }
            if offset < bytes.count { advance() }
            if depth == 0 { return }
        }
        throw .syntax(line: startLine, problem: "the block of Lua that begins here does not end")
    }

    private mutating func quoted() throws(UpstreamFileError) -> Word {
        let start = offset
        let startLine = line
        let quote = bytes[offset]
        offset += 1
        while offset < bytes.count, bytes[offset] != quote {
            if bytes[offset] == .backslash { advance() }
            if offset < bytes.count { advance() }
        }
        guard offset < bytes.count else {
            throw .syntax(line: startLine, problem: "a quote that opens here is not closed")
        }
        offset += 1
        if offset < bytes.count {
            let follower = bytes[offset]
            guard follower.isSpace || follower == .semicolon || follower == .open || follower == .closeParenthesis
            else {
                throw .syntax(line: line, problem: "unexpected text directly after a closing quote")
            }
        }
        return Word(range: start..<offset, value: value(of: start + 1..<offset - 1))
    }

    private mutating func plain() -> Word {
        let start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte.isSpace || byte == .semicolon { break }
            // `${name}` is a variable, every other brace opens a block.
            if byte == .open, offset == start || bytes[offset - 1] != .dollar { break }
            if byte == .backslash { advance() }
            if offset < bytes.count { advance() }
        }
        return Word(range: start..<offset, value: value(of: start..<offset))
    }

    private func value(of range: Range<Int>) -> String {
        guard bytes[range].contains(.backslash) else { return String(decoding: bytes[range], as: UTF8.self) }
        var value: [UInt8] = []
        var index = range.lowerBound
        while index < range.upperBound {
            if bytes[index] == .backslash, index + 1 < range.upperBound {
                index += 1
                switch bytes[index] {
                case .doubleQuote, .singleQuote, .backslash: value.append(bytes[index])
                case UInt8(ascii: "t"): value.append(.tab)
                case UInt8(ascii: "r"): value.append(.carriageReturn)
                case UInt8(ascii: "n"): value.append(.newline)
                default: value += [.backslash, bytes[index]]
                }
            } else {
                value.append(bytes[index])
            }
            index += 1
        }
        return String(decoding: value, as: UTF8.self)
    }
}

extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let newline = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let semicolon = UInt8(ascii: ";")
    static let open = UInt8(ascii: "{")
    static let close = UInt8(ascii: "}")
    static let hash = UInt8(ascii: "#")
    static let dash = UInt8(ascii: "-")
    static let dollar = UInt8(ascii: "$")
    static let backslash = UInt8(ascii: "\\")
    static let doubleQuote = UInt8(ascii: "\"")
    static let singleQuote = UInt8(ascii: "'")
    static let closeParenthesis = UInt8(ascii: ")")

    var isSpace: Bool { self == .space || self == .tab || self == .newline || self == .carriageReturn }
}
