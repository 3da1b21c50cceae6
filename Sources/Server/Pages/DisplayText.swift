import Controller
import Foundation
import HTTPTypes
import ReleaseMachine

/// Labels of states, phases and times for the pages.
enum DisplayText {
    static func badge(_ state: String, _ label: String, _ icon: String) -> PageValues {
        PageValues {
            $0["state"] = state
            $0["label"] = label
            $0["icon"] = icon
        }
    }

    /// A release's state: an icon, a label, a tint.
    static func badge(_ release: Release) -> PageValues {
        switch release.state {
        case .running: badge("running", release.isBackingOut ? "going back" : release.phase.rawValue, "run")
        case let state: badge(state)
        }
    }

    static func badge(_ release: ReleaseView) -> PageValues {
        switch release.state {
        case .running:
            badge(
                "running", release.failure != nil || release.aborted != nil ? "going back" : release.phase.rawValue,
                "run")
        case let state: badge(state)
        }
    }

    static func badge(_ state: Release.State) -> PageValues {
        switch state {
        case .running: badge("running", "running", "run")
        case .paused: badge("paused", "awaiting promotion", "pause")
        case .live: badge("live", "live", "check")
        case .failed: badge("failed", "failed", "cross")
        case .aborted: badge("aborted", "aborted", "stop")
        case .rolledBack: badge("rolledBack", "rolled back", "back")
        case .superseded: badge("superseded", "superseded", "past")
        }
    }

    static func favicon(_ state: Release.State?) -> String {
        switch state {
        case .running: "favicon-running.svg"
        case .paused: "favicon-paused.svg"
        case .failed: "favicon-failed.svg"
        default: "favicon.svg"
        }
    }

    /// The cause of a release's state: the failure, who aborted it and why, or the release that replaced it.
    static func why(_ release: Release) -> String? {
        switch release.cause {
        case .failure(let failure): failure.message
        case .aborted(let by, let reason): "aborted by \(by)" + (reason.map { ": \($0)" } ?? "")
        case .verificationExpired: "nobody promoted it in time"
        case .superseded(let version): "given up for \(version)"
        case nil:
            if !release.needRepair.isEmpty {
                "\(counted(release.needRepair.count, "node")) to repair"
            } else {
                release.replacedBy.map { "replaced by \(release.order.app)/\($0)" }
            }
        }
    }

    static func hue(_ color: Color?) -> PageValues? {
        color.map { color in PageValues { $0["color"] = color.rawValue } }
    }

    static func label(_ phase: Phase) -> String { phase.rawValue.capitalized }

    static func heading(_ status: HTTPResponse.Status) -> String {
        switch status {
        case .notFound: "Not found"
        case .unauthorized: "Sign in first"
        case .forbidden: "Not allowed"
        case .conflict: "Not possible now"
        case .unprocessableContent, .badRequest: "Invalid request"
        case .tooManyRequests: "Too many attempts"
        case .methodNotAllowed: "Method not allowed"
        case .contentTooLarge: "Request too large"
        case .serviceUnavailable: "Unavailable"
        default: "Something went wrong"
        }
    }

    // MARK: - Times

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `22 Nov 23:40`, with the year when it is not this year; UTC.
    static func when(_ time: Timestamp, now: Timestamp, seconds: Bool = false) -> String {
        let text = time.iso8601
        let parts = text.prefix(10).split(separator: "-")
        guard parts.count == 3, let month = Int(parts[1]), (1...12).contains(month), let day = Int(parts[2]) else {
            return text
        }
        let clock = text.dropFirst(11).prefix(seconds ? 8 : 5)
        let year = now.iso8601.prefix(4) == parts[0] ? "" : " \(parts[0])"
        return "\(day) \(months[month - 1])\(year) \(clock)"
    }

    /// `12 s`, `4 min`, `3 h`, `5 days`: how long ago, rounded down.
    static func ago(_ time: Timestamp, now: Timestamp) -> String {
        let seconds = max(0, (now - time).milliseconds / 1000)
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min"
        case ..<86_400: return "\(seconds / 3600) h"
        default: return counted(Int(seconds / 86_400), "day")
        }
    }

    /// `4:07`, `1:02:03`: the time until a deadline.
    static func left(_ deadline: Timestamp, now: Timestamp) -> String {
        let seconds = max(0, ((deadline - now).milliseconds + 999) / 1000)
        let two = { (number: Int64) in number < 10 ? "0\(number)" : "\(number)" }
        let minutes = seconds / 60 % 60
        return (seconds >= 3600 ? "\(seconds / 3600):\(two(minutes))" : "\(minutes)") + ":\(two(seconds % 60))"
    }

    /// When a paused release is promoted or aborted automatically.
    static func deadline(_ release: Release, now: Timestamp) -> PageValues? {
        release.verifyDeadline.map { deadline in
            PageValues {
                $0["iso"] = deadline.iso8601
                $0["left"] = left(deadline, now: now)
                $0["then"] = release.order.rules.promotesByItself ? "promotes" : "aborts"
            }
        }
    }

    /// The URL of the preview; `nil` unless its scheme is http or https.
    static func preview(_ url: String?) -> String? {
        url.flatMap { $0.hasPrefix("http://") || $0.hasPrefix("https://") ? $0 : nil }
    }
}
