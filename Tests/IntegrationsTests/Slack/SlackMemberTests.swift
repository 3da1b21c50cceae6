import Foundation
import Integrations
import TestSupport
import Testing
import ViridianConfiguration

@Suite("Addresses of people in Slack") struct SlackMemberTests {
    @Test("only a full member with a confirmed address is known by it")
    func members() async throws {
        let answers: [(user: String, email: String?)] = [
            (
                #"{"deleted": false, "is_bot": false, "is_email_confirmed": true, "profile": {"email": "ann@domain.com"}}"#,
                "ann@domain.com"
            ),
            (#"{"profile": {"email": "ann@domain.com"}}"#, "ann@domain.com"),
            (#"{"deleted": true, "profile": {"email": "ann@domain.com"}}"#, nil),
            (#"{"is_bot": true, "profile": {"email": "ann@domain.com"}}"#, nil),
            (#"{"is_restricted": true, "profile": {"email": "ann@domain.com"}}"#, nil),
            (#"{"is_restricted": true, "is_ultra_restricted": true, "profile": {"email": "ann@domain.com"}}"#, nil),
            (#"{"is_stranger": true, "profile": {"email": "ann@domain.com"}}"#, nil),
            (#"{"is_email_confirmed": false, "profile": {"email": "ann@domain.com"}}"#, nil),
            (#"{"profile": {}}"#, nil),
        ]
        for (user, email) in answers {
            let body = #"{"ok": true, "user": \#(user)}"#
            let found = try await withServer({ _, _ in .text(body, headers: ["Content-Type": "application/json"]) }) {
                server in
                let client = try SlackClient(
                    SlackConfiguration(
                        token: Secret("xoxb-1"), channel: "#deploys", api: try #require(URL(string: server.url))))
                let found = try await client.email(of: "U01")
                await client.shutdown()
                return found
            }
            #expect(found == email, "\(user)")
        }
    }
}
