import Foundation

extension FakeSlack {
    /// What happens to calls instead of their usual answers.
    package enum Fault: Sendable {
        /// Slack does what it is asked for, and answers this much later.
        case slow(Duration)
        /// The connection ends before Slack reads the call.
        case unreachable
        /// Slack does what it is asked for, and the connection ends before the answer.
        case answerLost
        /// A status and the page of a proxy.
        case html(Int)
        /// HTTP 429 with `Retry-After` in seconds.
        case tooMany(Int)
        /// `{"ok": false, "error": …}` with status 200: `ratelimited`, `invalid_auth`, `channel_not_found`.
        case refuses(String)
    }

    /// Calls that Slack takes before it answers 429: https://docs.slack.dev/apis/web-api/rate-limits
    package struct Rates: Sendable {
        /// So many calls at once, and one more after each `every` seconds.
        package struct Bucket: Sendable {
            package var size: Int
            package var every: TimeInterval

            package init(size: Int, every: TimeInterval) {
                self.size = size
                self.every = every
            }
        }

        /// `chat.postMessage`, for each channel.
        package var posts: Bucket?
        /// Each other method.
        package var others: Bucket?
        /// Over all methods.
        package var all: Bucket?

        package init(posts: Bucket? = nil, others: Bucket? = nil, all: Bucket? = nil) {
            self.posts = posts
            self.others = others
            self.all = all
        }

        package static let none = Rates()
        /// About one message a second in a channel, and 50 calls a minute of the other methods.
        package static let slack = Rates(
            posts: .init(size: 2, every: 1), others: .init(size: 50, every: 1.2))
        package static let oneCallASecond = Rates(all: .init(size: 1, every: 1))
    }
}

/// How much of each limit is used up.
struct SlackRateMeter {
    var rates = FakeSlack.Rates.none
    /// When each bucket is full again.
    private var full: [String: Date] = [:]

    /// - Returns: seconds to wait, when a limit is reached.
    mutating func take(_ method: String, channel: String?, at now: Date) -> Int? {
        let isPost = method == "chat.postMessage"
        let buckets = [
            (isPost ? "\(method) \(channel ?? "")" : method, isPost ? rates.posts : rates.others), ("", rates.all),
        ].compactMap { name, bucket in bucket.map { (name, $0) } }
        let waits = buckets.compactMap { name, bucket -> TimeInterval? in
            let room = now.addingTimeInterval(Double(bucket.size - 1) * bucket.every)
            return full[name].map { $0.timeIntervalSince(room) }
        }
        if let wait = waits.max(), wait > 0 { return max(1, Int(wait.rounded(.up))) }
        for (name, bucket) in buckets {
            full[name] = max(now, full[name] ?? now).addingTimeInterval(bucket.every)
        }
        return nil
    }
}
