import Foundation
import Integrations
import ReleaseMachine
import Testing

@Suite("What deliveries name") struct DeliveryNameTests {
    private func pushed(_ change: (inout [String: Any]) -> Void) throws -> PushedImage? {
        var resource: [String: Any] = ["tag": "v2", "resource_url": "harbor.domain.com/library/blog:v2"]
        change(&resource)
        let body: [String: Any] = [
            "type": "PUSH_ARTIFACT", "operator": "mike",
            "event_data": ["resources": [resource], "repository": ["repo_full_name": "library/blog"]],
        ]
        let data = try JSONSerialization.data(withJSONObject: body)
        let reading = try HookSender.harbor.read(HookRequest(headers: [:], body: [UInt8](data)))
        guard case .pushed(let image) = reading.events.first else { return nil }
        return image
    }

    @Test(
        "a registry's host is a name or an address, with or without a port",
        arguments: [
            ("harbor.domain.com/library/blog:v2", "harbor.domain.com"), ("harbor/library/blog:v2", "harbor"),
            ("https://harbor.domain.com:8443/library/blog", "harbor.domain.com:8443"),
            ("10.1.2.3:5000/library/blog", "10.1.2.3:5000"), ("[::1]:5000/library/blog", "[::1]:5000"),
            ("harbor.domain.com:99999/library/blog", nil), ("har bor/library/blog", nil), ("-x/library/blog", nil),
            ("mike@harbor.domain.com/library/blog", nil), ("", nil), ("https:///library/blog", nil),
        ])
    func hasHost(url: String, host: String?) throws {
        let image = try #require(try pushed { $0["resource_url"] = url })
        #expect(image.host == host)
    }

    @Test(
        "a tag is one of the OCI specification and names a version",
        arguments: ["v2", "20151025.143403", "_", "1.0.0-rc.1_x", String(repeating: "v", count: 128), "sha256-short"])
    func hasTag(tag: String) throws {
        let image = try #require(try pushed { $0["tag"] = tag })
        #expect(image.tag == tag)
    }

    @Test(
        "anything else is no tag",
        arguments: [
            "", ".v2", "-v2", "v2+1", "v 2", "v2\n", "v2\0", "é", "v2;ls", String(repeating: "v", count: 129),
            "sha256:" + String(repeating: "a", count: 64), "sha256-" + String(repeating: "a", count: 64),
        ])
    func hasNoTag(tag: String) throws {
        let image = try pushed { $0["tag"] = tag }
        #expect(image == nil)
    }

    @Test(
        "times are read as GitLab, GitHub and registries write them",
        arguments: [
            ("2026-11-26 17:04:57 UTC", 1_795_712_697_000), ("2026-11-26 19:04:57 +0200", 1_795_712_697_000),
            ("2026-11-26T17:04:57Z", 1_795_712_697_000), ("2026-11-26T11:34:57-05:30", 1_795_712_697_000),
            ("2026-11-26T17:04:57.5Z", 1_795_712_697_500), ("2026-11-26T17:04:57.123456789+00:00", 1_795_712_697_123),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2026-13-01T00:00:00Z", nil), ("2026-11-26", nil), ("yesterday", nil), ("2026-11-26T17:04:57", nil),
        ])
    func hasTime(text: String, milliseconds: Int64?) throws {
        let body =
            #"{"object_kind": "pipeline", "object_attributes": {"id": 1, "status": "success", "ref": "dev", "sha": "0123456789"}, "#
            + #""project": {"path_with_namespace": "group/blog"}, "commit": {"id": "0123456789", "timestamp": "\#(text)"}}"#
        let reading = try HookSender.gitlab.read(HookRequest(headers: [:], body: Array(body.utf8)))
        guard case .built(let pipeline) = try #require(reading.events.first) else { return }
        #expect(pipeline.commitTime?.milliseconds == milliseconds)
    }

    @Test(
        "the name of a person is shown without what cannot be seen, and cut",
        arguments: [
            ("mike", "mike"), ("Mike Ö.", "Mike Ö."), ("mi\u{1B}[31mke\n", "mi[31mke"), ("\u{202E}ekim", "ekim"),
            ("", nil), ("\u{0}\n", nil), (String(repeating: "m", count: 500), String(repeating: "m", count: 100)),
        ])
    func hasPerson(name: String, shown: String?) throws {
        let body: [String: Any] = [
            "type": "PUSH_ARTIFACT", "operator": name,
            "event_data": ["resources": [["tag": "v2"]], "repository": ["repo_full_name": "library/blog"]],
        ]
        let data = try JSONSerialization.data(withJSONObject: body)
        let reading = try HookSender.harbor.read(HookRequest(headers: [:], body: [UInt8](data)))
        guard case .pushed(let image) = try #require(reading.events.first) else { return }
        #expect(image.by == shown)
    }
}
