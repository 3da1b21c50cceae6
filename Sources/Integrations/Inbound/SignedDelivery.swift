import ViridianConfiguration

extension HookRequest {
    /// Checks every one of these signatures that the request has; there must be one. A sender that knows the secret makes all of them right.
    /// Headers are given by lower-case name, with what stands before the digits: `["x-hub-signature-256": "sha256="]`; `key` is the
    /// configuration's for the secret.
    func verify(signatures headers: KeyValuePairs<String, String>, _ secret: Secret?, key: String) -> HookVerdict {
        guard let hmac = secret.flatMap(HMACSignature.init) else { return .unconfigured(key) }
        let present = headers.compactMap { name, prefix in header(name).map { (name, prefix, $0) } }
        guard !present.isEmpty else {
            return .missing(headers.map(\.key).joined(separator: " or "))
        }
        let mismatch =
            present.firstIndex { _, prefix, value in !value.hasPrefix(prefix) }
            ?? hmac.firstMismatch(
                in: present.map { _, prefix, value in String(value.dropFirst(prefix.count)) }, of: body)
        return mismatch.map { .mismatch("the signature in \(present[$0].0)", key) } ?? .verified
    }
}
