/// Text as one word of a shell command that a person copies.
enum ShellWord {
    static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
                        || "/._-:=@%+,".unicodeScalars.contains($0))
            }
        return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }

    /// A path as a word that no command takes for an option.
    static func path(_ path: String) -> String { quoted(path.hasPrefix("-") ? "./" + path : path) }
}
