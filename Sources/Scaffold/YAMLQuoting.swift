/// A scalar of YAML, in quotation marks where it could be read as something else than this text.
func yaml(_ text: String) -> String {
    let reserved: Set = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]
    let isPlain =
        text.first.map { $0.isASCII && $0.isLetter } == true && text.last != ":"
        && !reserved.contains(text.lowercased())
        && text.unicodeScalars.allSatisfy {
            $0.isASCII
                && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-._/:".unicodeScalars.contains($0))
        }
    guard !isPlain else { return text }
    let escaped = text.unicodeScalars.map { scalar -> String in
        switch scalar {
        case "\"", "\\": "\\\(scalar)"
        case "\n": "\\n"
        case "\t": "\\t"
        default:
            scalar.value < 32 ? "\\x\(scalar.value < 16 ? "0" : "")\(String(scalar.value, radix: 16))" : "\(scalar)"
        }
    }
    return "\"\(escaped.joined())\""
}
