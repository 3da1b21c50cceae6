import HTTPTransport
import Testing

@Suite("URLs in messages")
struct URLTextTests {
    @Test(
        "a URL in a message has no user name and password, and is otherwise unchanged",
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

    @Test("an invalid URL is reported without its password")
    func refused() {
        let error = #expect(throws: TransportError.self) { try HTTPConnection(baseURL: "ftp://me:secret@host") }
        #expect(error.map { "\($0)".contains("host") && !"\($0)".contains("secret") } == true)
    }
}
