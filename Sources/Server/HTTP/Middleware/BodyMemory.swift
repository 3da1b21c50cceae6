import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore

/// The memory of large bodies that are being read. Senders sign the body: until it has been read whole, anybody may have sent it. So there is
/// only so much for all together, and a large body has to come quickly.
struct BodyMemory: Sendable {
    /// So many bytes every body has; beyond them it is large. They count when they have arrived, not when they are announced.
    static let small = 64 << 10
    /// How long a large body may take to its end.
    static let limit = TimeAmount.seconds(20)
    private static let most = 256 << 20

    static let busy = APIError(
        .serviceUnavailable, "busy", "the server reads many large bodies already: send it again",
        headers: ["Retry-After": "1"])

    private let taken = NIOLockedValueBox(0)

    /// - Returns: whether there was so much left.
    func take(_ bytes: Int) -> Bool {
        taken.withLockedValue { taken in
            guard taken + bytes <= BodyMemory.most else { return false }
            taken += bytes
            return true
        }
    }

    func giveBack(_ bytes: Int) { taken.withLockedValue { $0 -= bytes } }
}
