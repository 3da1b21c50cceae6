import ViridianConfiguration

extension Excerpt {
    /// A sender's word in a sentence: as it is where it is a plain word, else quoted.
    static func word(_ text: String) -> String {
        let isWord = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "_-.".utf8.contains(byte)
        }
        return isWord && (1...40).contains(text.utf8.count) ? text : quoted(text, limit: 40)
    }
}
