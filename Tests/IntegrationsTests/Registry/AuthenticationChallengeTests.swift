import HTTPTransport
import Testing

@testable import Integrations

@Suite("Authentication challenges")
struct AuthenticationChallengeTests {
    private func parse(_ headers: String...) -> [AuthenticationChallenge] {
        AuthenticationChallenge.all(in: .init(headers.map { (name: "www-authenticate", value: $0) }))
    }

    @Test("one with parameters, quoted and not, with commas and escapes within quotes")
    func parameters() {
        #expect(
            parse(#"Bearer realm="https://auth.docker.io/token",service=registry, Scope="repository:blog:pull,push""#)
                == [
                    AuthenticationChallenge(
                        scheme: "bearer",
                        parameters: [
                            "realm": "https://auth.docker.io/token", "service": "registry",
                            "scope": "repository:blog:pull,push",
                        ])
                ])
        #expect(
            parse(#"Basic realm="a \"b\", c\\" , charset = "UTF-8""#) == [
                AuthenticationChallenge(scheme: "basic", parameters: ["realm": #"a "b", c\"#, "charset": "UTF-8"])
            ])
    }

    @Test("several, in one header or in several")
    func several() {
        let schemes = ["negotiate", "basic", "bearer"]
        #expect(parse(#"Negotiate, Basic realm="x", Bearer realm="y""#).map(\.scheme) == schemes)
        #expect(parse("Negotiate", #"Basic realm="x""#, #"Bearer realm="y""#).map(\.scheme) == schemes)
        #expect(parse(#"Negotiate abc==, Basic realm="x""#).map(\.scheme) == ["negotiate", "basic"])
    }

    @Test(
        "what is none is none, and what is broken ends nothing",
        arguments: ["", ",,,", "=", "=\"", "realm=\"x\"", "\"", "Basic realm=\"", "Basic realm=\"\\", "Basic =", "  "])
    func broken(_ text: String) {
        let found = parse(text)
        #expect(found.isEmpty || found.map(\.scheme) == ["basic"] || found.map(\.scheme) == ["\""], "\(found)")
    }

    @Test("of a header of a megabyte only the beginning is read")
    func long() {
        #expect(parse(String(repeating: "Basic a=b, ", count: 100_000)).count < 1000)
    }
}
