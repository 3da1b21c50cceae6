import ArgumentParser
import Controller
import Foundation
import Testing

@testable import Commands

@Suite("The command line and a server")
struct RemoteTests {
    @Test("messages are assembled from the lines of a stream")
    func events() {
        var message = ServerSentEvent()
        let lines = [
            ": still here", "", "id: 7", #"data: {"a":"#, "data:  1}", "", "event: end", #"data: {"state":"live"}"#, "",
            "retry: 5", "data", "",
        ]
        let messages = lines.compactMap { message.append($0) }
        #expect(
            messages == [
                .init(type: "message", data: "{\"a\":\n 1}", id: "7"),
                .init(type: "end", data: #"{"state":"live"}"#, id: "7"),
                .init(type: "message", data: "", id: "7"),
            ])
    }

    @Test("an error of the server has the server's message; another response has a generic one")
    func errors() {
        let body = Data(#"{"error": {"code": "release_running", "message": "blog/2 is running", "release": 2}}"#.utf8)
        let busy = APIClientError(409, body, at: "deploy.domain.com:443")
        #expect(busy.isBusy && !busy.isTransient && busy.description == "blog/2 is running")
        let proxy = APIClientError(502, Data("<html>".utf8), at: "deploy.domain.com:443")
        #expect(proxy.isTransient && proxy.description.contains("HTTP status 502"))
    }

    @Test("an error of several lines is printed as the same command prints it without a server")
    func linesOfErrors() throws {
        let body = Data(
            #"{"error": {"code": "refused", "message": "it has gone back\nto fix: this\nor that\u001b"}}"#.utf8)
        let error = APIClientError(409, body, at: "deploy.domain.com:443")
        let report = ErrorReport(error)
        #expect(
            report.lines.map { TerminalLine($0).written } == [
                "viridian: it has gone back", "  to fix: this", "  or that\\u{1b}",
            ])
        #expect(report.lines.first == ErrorReport(Refusal("it has gone back", details: ["to fix: this"])).lines.first)
        #expect(report.status == .couldNot)
    }

    @Test(
        "a verb that cannot use a server refuses one, with the reason",
        arguments: [
            "check", "app add blog", "render kubernetes", "serve", "journal check", "journal export", "journal prune",
            "journal accept blog --reason lost",
        ])
    func noServer(_ verb: String) throws {
        let words = verb.split(separator: " ").map(String.init)
        _ = try Viridian.parseAsRoot(words)
        for option in ["--server", "--token"] {
            do {
                _ = try Viridian.parseAsRoot(words + [option, "http://127.0.0.1:1"])
                Issue.record("\(verb) takes \(option)")
            } catch {
                #expect(Viridian.exitCode(for: error).rawValue == 64)
                #expect(Viridian.message(for: error).contains(/^viridian [a-z ]+ takes no --(server|token): \w+/))
            }
        }
    }

    @Test(
        "a verb that can use a server accepts one",
        arguments: [
            "status", "deploy blog --version v1", "nodes", "audit", "token create", "token list", "token revoke x",
        ])
    func server(_ verb: String) throws {
        let words = verb.split(separator: " ").map(String.init)
        _ = try Viridian.parseAsRoot(words + ["--server", "http://127.0.0.1:1", "--token", "vir_x"])
    }

    @Test("how long a token is valid", arguments: [("90d", 7_776_000), ("12h", 43_200), ("30m", 1800), ("45s", 45)])
    func life(_ text: String, _ seconds: Int) throws {
        #expect(try TokenLife(text).length == .seconds(seconds))
    }

    @Test(
        "what is no such time", arguments: ["", "d", "0d", "-1d", "1", "1w", "4000d", "99999999999999999999d", "1 d"])
    func noLife(_ text: String) {
        #expect(throws: (any Error).self) { try TokenLife(text) }
    }
}
