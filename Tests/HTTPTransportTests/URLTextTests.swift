import HTTPTransport
import Testing

@Suite("addresses in messages")
struct URLTextTests {
    @Test(
        "an address in a message has neither a name nor a password before its host, and is otherwise as it was written",
        arguments: [
            ("https://me:secret@api.example:6443/k8s", "https://api.example:6443/k8s"),
            ("https://me@api.example", "https://api.example"), ("http://a:b@c@host/x@y", "http://host/x@y"),
            ("https://api.example/a@b?c@d", "https://api.example/a@b?c@d"),
            ("https://[::1]:6443", "https://[::1]:6443"),
            ("ftp://me:secret@host", "ftp://host"), ("no address", "no address"),
        ])
    func plain(_ written: String, _ shown: String) {
        #expect(written.withoutUserInfo == shown)
    }

    @Test("an address that cannot be called is told without its password")
    func refused() {
        let error = #expect(throws: TransportError.self) { try HTTPConnection(baseURL: "ftp://me:secret@host") }
        #expect(error.map { "\($0)".contains("host") && !"\($0)".contains("secret") } == true)
    }
}
