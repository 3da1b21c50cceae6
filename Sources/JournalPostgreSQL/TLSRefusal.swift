/// Why no encrypted connection with the right server came about, and what to do about it.
///
/// libpq has no codes for that. Its sentences (fe-connect.c, fe-secure-common.c and fe-secure-openssl.c of PostgreSQL 12 to 18) are in English
/// here, because this program sets no locale.
struct TLSRefusal {
    /// What libpq says, without its own advice not to check the server.
    let message: String
    let advice: String

    /// `nil` where something else is in the way.
    init?(_ message: String) {
        guard let reason = Self.reasons.first(where: { $0.signs.contains(where: message.contains) }) else { return nil }
        self.message = message.split(separator: "; Either provide", maxSplits: 1).first.map(String.init) ?? message
        advice = reason.advice
    }

    private static let authority =
        "name in sslrootcert the file with the certificate of the authority that signed the server's"
    private static let clientCertificate = "check the files in sslcert and sslkey (mode 0600)"

    private static let reasons: [(signs: [String], advice: String)] = [
        (
            ["server does not support SSL"],
            "switch it on there (ssl = on), or on the pooler in between; nothing was sent in the clear"
        ),
        (
            ["does not match host name"],
            "use the name in the certificate as the host in the URI, or have one made for this name"
        ),
        (["root certificate file"], authority),
        (
            ["certificate verify failed"],
            "\(authority); if it is the right one, the server's certificate has expired, or another server answers"
        ),
        (
            [
                "could not read certificate file", "private key file", "could not load private key",
                "certificate present, but",
            ],
            clientCertificate
        ),
        (
            [
                "alert certificate required", "alert unknown ca", "alert bad certificate", "alert certificate expired",
                "alert handshake failure",
            ], "the server does not accept this program's certificate: \(clientCertificate)"
        ),
        (
            ["unsupported protocol", "alert protocol version"],
            "the two have no version of TLS in common: see ssl_min_protocol_version on both sides"
        ),
    ]
}
