import ViridianConfiguration

/// What lists of deliveries call a delivery.
enum HookKind {
    /// A kind of event that this version does not know; `name` is what the sender calls it.
    static func unknown(_ name: String) -> String {
        name.isEmpty ? "unknown" : "unknown: \(word(name) ?? Excerpt.quoted(name, limit: 40))"
    }

    /// The name itself where it is one short word of letters, digits and `_ - . :`.
    private static func word(_ name: String) -> String? {
        let isWord = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "_-.: ".utf8.contains(byte)
        }
        return isWord && name.utf8.count <= 40 ? name : nil
    }
}
