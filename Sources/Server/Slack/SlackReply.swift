import Controller
import Integrations
import Logging

/// Tells people in Slack what became of what they asked for, where only they see it. Nothing depends on it.
struct SlackReply: Sendable {
    let client: SlackClient
    let clock: any ReleaseClock
    let logger: Logger

    /// Pauses between attempts.
    private static let pauses: [Duration] = [.seconds(1), .seconds(5), .seconds(20), .seconds(60)]

    /// Returns when the person was told, or cannot be.
    func tell(_ text: SlackText, to request: SlackRequest) async {
        guard let url = request.responseURL else { return }
        var pauses = Self.pauses[...]
        while !Task.isCancelled {
            do {
                return try await client.respond(SlackContent(text), to: url)
            } catch {
                guard let least = Self.pause(after: error), let pause = pauses.popFirst() else {
                    logger.warning(
                        "a person in Slack was not answered",
                        metadata: ["user": "\(request.user.id)", "error": "\("\(error)".safeLine)"])
                    return
                }
                try? await clock.sleep(for: max(pause, least))
            }
        }
    }

    /// `nil`: another attempt would not help.
    private static func pause(after error: any Error) -> Duration? {
        switch (error as? DeliveryFailure)?.kind {
        case .unavailable(let after): after ?? .zero
        case .limited(let after): after
        case .refused, nil: nil
        }
    }
}
