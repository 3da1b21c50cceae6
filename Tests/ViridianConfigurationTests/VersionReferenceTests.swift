import Testing
import ViridianConfiguration

@Suite("A version that was released is named by its tag, and by the beginning of a digest")
struct VersionReferenceTests {
    private static let digits = String(repeating: "0123456789abcdef", count: 4)

    @Test(arguments: ["v1", "latest@sha256:45ec66bb", "latest@sha256:\(digits)", "v1@sha512:\(digits)\(digits)"])
    func good(text: String) throws {
        let reference = try VersionReference(text)
        #expect("\(reference)" == text)
        #expect(reference.version.text == text.split(separator: "@").first.map(String.init))
    }

    @Test(
        arguments: [
            "", "@", "latest@", "@sha256:45ec66bb", "latest@sha256:", "latest@sha256:45ec66b", "latest@45ec66bb",
            "latest@sha256:45EC66BB", "latest@md5:45ec66bb", "latest@sha256:\(digits)0", "latest@sha256:45ec66bb@x",
            "a b", "latest@sha256:45ec66bb ",
        ])
    func bad(text: String) {
        #expect(throws: InvalidValue.self) { try VersionReference(text) }
    }
}
