import Controller
import Integrations

/// What came of a message that says that it is a test.
package struct DestinationTest: Codable, Sendable, Hashable {
    package var destination: String
    /// Whether the receiver accepted it.
    package var delivered: Bool
    /// What the receiver answered, or why it did not get the message and what to do; one sentence.
    package var answer: String

    package init(destination: String, delivered: Bool, answer: String) {
        self.destination = destination
        self.delivered = delivered
        self.answer = answer
    }

    /// Tests one of these destinations.
    /// - Throws: `UnknownDestination`, `CancellationError`.
    package static func of(_ name: String, in destinations: [any OutboxDestination]) async throws -> DestinationTest {
        guard let destination = destinations.first(where: { $0.name == name }) else {
            throw UnknownDestination(name: name, known: destinations.map(\.name))
        }
        do {
            return DestinationTest(destination: name, delivered: true, answer: try await destination.sendTest().safe)
        } catch let error as CancellationError {
            throw error
        } catch {
            return DestinationTest(destination: name, delivered: false, answer: "\(error)".safe)
        }
    }
}

/// No destination of that name is configured.
package struct UnknownDestination: Error, Sendable, Hashable, CustomStringConvertible {
    package var name: String
    package var known: [String]

    package init(name: String, known: [String]) {
        self.name = name
        self.known = known
    }

    package var description: String {
        let what = "there is no destination \(name.safe)"
        return known.isEmpty
            ? "\(what): none is configured (slack, notify, report)"
            : "\(what): the destinations are \(known.sorted().joined(separator: ", "))"
    }
}
