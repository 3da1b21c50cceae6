import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("The versions that are known")
    struct VersionTests {
        private let start = Timestamp(milliseconds: 1_445_783_643_000)

        private func pushed(_ digest: Character?, minute: Int64, version: String = "latest") -> PushedVersion {
            PushedVersion(
                app: "blog", version: version, digest: digest.map { "sha256:" + String(repeating: $0, count: 64) },
                pushedAt: start + .seconds(60 * minute), sender: "registry")
        }

        private func digest(_ journal: Journal) async throws -> Character? {
            try await journal.version(app: "blog", tag: "latest")?.digest?.last
        }

        @Test(
            "a tag that was moved back is the image that it was before; the order of arrivals stays",
            arguments: Backend.here)
        func movedBack(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let images: [Character] = ["a", "b", "a"]
            for (minute, image) in images.enumerated() {
                try await journal.note(pushed(image, minute: Int64(minute)))
                #expect(try await digest(journal) == image)
            }
            let known = try await journal.versions(app: "blog", tag: "latest")
            #expect(known.map(\.pushedAt) == [start, start + .seconds(60)])
            #expect(try await journal.versions(app: "blog", limit: 10).map { $0.digest?.last } == ["b", "a"])
        }

        @Test("a push that is told late changes nothing about where the tag is now", arguments: Backend.here)
        func late(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.note(pushed("a", minute: 0))
            try await journal.note(pushed("b", minute: 3))
            try await journal.note(pushed("a", minute: 2))
            try await journal.note(pushed("c", minute: 1))
            #expect(try await digest(journal) == "b")
        }

        @Test(
            "a script that calls for an image that is known does not say that the tag is that image again",
            arguments: Backend.here)
        func call(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.note(pushed("a", minute: 0))
            try await journal.note(pushed("b", minute: 1))
            for (image, isMoved): (Character, Bool) in [("a", false), ("c", true)] {
                var version = pushed(image, minute: 2)
                version.sender = "deploy"
                try await journal.note(version)
                #expect(try await digest(journal) == (isMoved ? image : "b"))
            }
        }

        @Test("a tag of which no image is known is known by its name, until one is", arguments: Backend.here)
        func tagAlone(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            try await journal.note(pushed(nil, minute: 5))
            #expect(try await journal.versions(app: "blog", tag: "latest").map(\.digest) == [nil])
            try await journal.note(pushed("a", minute: 1))
            #expect(try await digest(journal) == "a")
            #expect(try await journal.versions(app: "blog", tag: "latest").count == 1)
        }
    }
}
