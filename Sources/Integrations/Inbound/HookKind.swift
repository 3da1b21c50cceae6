import ViridianConfiguration

/// What lists of deliveries call a delivery.
enum HookKind {
    /// A kind of event that this version does not know; `name` is what the sender calls it.
    static func unknown(_ name: String) -> String { name.isEmpty ? "unknown" : "unknown: \(Excerpt.word(name))" }
}
