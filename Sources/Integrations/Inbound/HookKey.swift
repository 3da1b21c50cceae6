import Crypto

/// Keys against repetition: two deliveries with the same key are one.
enum HookKey {
    /// A sender's id, as it is where it is one short word, else a digest of it.
    static func id(_ text: String?) -> String? {
        guard let text, !text.isEmpty else { return nil }
        let isWord = text.utf8.count <= 128 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isWord ? text : digest([text])
    }

    /// A digest of several ids, in their order.
    static func digest(_ ids: [String]) -> String {
        var hash = SHA256()
        for id in ids { hash.update(data: Array((id + "\n").utf8)) }
        return "sha256:" + hash.finalize().hex
    }

    /// A digest of the body, for senders without ids that send the same bytes again.
    static func digest(of body: [UInt8]) -> String { "sha256:" + SHA256.hash(data: body).hex }
}
