import Foundation
import Server
import Testing

@testable import Commands

@Suite("The list of notifications")
struct NotificationTableTests {
    private func views() throws -> [NotificationView] {
        let text = #"""
            [{"id": 314, "destination": "mattermost", "kind": "webhook", "app": "storefront", "release": 142, "message": "deadlineNear",
              "state": "pending", "at": "2015-10-25T14:34:03.000Z", "attempts": 12, "triedAt": "2015-10-25T14:40:03.000Z",
              "nextAt": "2015-10-25T14:50:03.000Z", "answer": "chat.domain.com does not answer: connection refused"},
             {"id": 7, "destination": "github", "kind": "deployment", "app": "blog", "release": 4, "message": "success",
              "state": "delivered", "at": "2015-10-25T14:34:03.000Z", "attempts": 1, "answer": "deployment 9876 is success"}]
            """#
        return try JSONDecoder().decode([NotificationView].self, from: Data(text.utf8))
    }

    @Test("a terminal of 80 columns has a line for each, and below those that did not arrive what was answered")
    func terminal() throws {
        let lines = NotificationTable(try views(), isInteractive: true).lines
        #expect(lines.count == 4)
        #expect(lines[1].hasPrefix("314  2015-10-25 14:34  mattermost  storefront/142  deadlineNear  pending"))
        #expect(
            lines[2] == "     12 attempts, next 2015-10-25 14:50: chat.domain.com does not answer: connection refused")
        #expect(!lines[3].contains("deployment 9876"))
        #expect([lines[0], lines[1], lines[3]].allSatisfy { $0.count <= 80 }, "\(lines.map(\.count))")
    }

    @Test("a pipe gets one line for each, with everything")
    func pipe() throws {
        let lines = NotificationTable(try views(), isInteractive: false).lines
        #expect(lines.count == 3)
        #expect(lines[0].hasSuffix("ANSWER"))
        #expect(
            lines[1].hasSuffix(
                "pending    12        2015-10-25 14:50  chat.domain.com does not answer: connection refused"))
        #expect(lines[2].hasSuffix("delivered  1         -                 deployment 9876 is success"))
    }
}
