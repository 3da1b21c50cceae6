import Foundation
import HTTPTransport
import Kubernetes
import Testing

extension Releases {
    /// Two `viridian serve` on one journal; one is killed.
    @Suite("Two servers on one journal")
    struct SeveralServersTests {
        /// A moment of a release, by an event in its stream.
        enum Moment: String, CaseIterable, CustomTestStringConvertible {
            case requested
            case discovered
            case candidateCreated
            case podsReady
            case nodeStaged
            case nodeSwitched
            case drained

            var testDescription: String { rawValue }
        }

        @Test(
            "when the one that runs a release is killed, the other finishes it, and no visitor notices",
            arguments: Moment.allCases)
        func killed(_ moment: Moment) async throws {
            try await withWorld { world in
                try await world.release("v1")
                let token = try await world.token()
                let (_, watched) = try await world.watched {
                    try await world.serving { other in
                        try await world.serving(endingWith: SIGKILL) { server in
                            let body = #"{"version": "v2"}"#
                            let answer = try await server.post("/api/v1/apps/blog/releases", body, token: token)
                            #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
                            // Read at the other one, which is not killed.
                            _ = try await eventually {
                                let events = try await other.get(
                                    "/api/v1/apps/blog/releases/2/events", token: token)
                                let text = String(decoding: events.body, as: UTF8.self)
                                let state = try await other.state(of: 2, token)
                                return text.contains(#""\#(moment.rawValue)""#) || state == "live"
                            }
                        }
                        try await other.wait(for: "live", of: 2, token)
                        let list = try await other.get("/api/v1/apps/blog/releases", token: token)
                        let numbers = try JSON(parsing: list.body)["releases"]?.array?.map { $0["number"]?.integer }
                        #expect(numbers == [2, 1])
                        #expect(try await world.served() == ["v2", "v2"])
                    }
                }
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                try await world.expectLive("v2", on: "green", release: 2)
            }
        }
    }
}
