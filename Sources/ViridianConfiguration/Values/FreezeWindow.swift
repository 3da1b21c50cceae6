import Foundation
import ReleaseMachine

/// A time in which no release starts, once or every week, by the clocks of a time zone.
package struct FreezeWindow: Sendable, Hashable {
    package enum Period: Sendable, Hashable {
        /// Every week; over the week's end where the second does not come after the first.
        case weekly(from: WeeklyTime, to: WeeklyTime)
        case once(from: CalendarTime, to: CalendarTime)
    }

    package var name: String
    package var period: Period
    package var timeZone: IANATimeZone
    package var reason: String?
    /// `nil`: all apps.
    package var apps: [String]?

    package init(
        name: String, period: Period, timeZone: IANATimeZone = .utc, reason: String? = nil, apps: [String]? = nil
    ) {
        self.name = name
        self.period = period
        self.timeZone = timeZone
        self.reason = reason
        self.apps = apps
    }

    /// As in the configuration: `Fri 16:00` or `2026-12-23T00:00`.
    package var from: String {
        switch period {
        case .weekly(let from, _): from.description
        case .once(let from, _): from.description
        }
    }

    package var to: String {
        switch period {
        case .weekly(_, let to): to.description
        case .once(_, let to): to.description
        }
    }

    package func concerns(_ app: String) -> Bool { apps?.contains(app) ?? true }
}

/// A time of day on a day of the week: `Fri 16:00`.
package struct WeeklyTime: Sendable, Hashable, CustomStringConvertible {
    static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    /// Counted from Monday at midnight, below a week.
    let seconds: Int

    package init?(_ text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, let day = Self.days.firstIndex(where: { $0.lowercased() == parts[0].lowercased() }),
            let time = TimeOfDay.seconds(parts[1])
        else { return nil }
        seconds = day * LocalTime.day + time
    }

    package var description: String {
        "\(Self.days[seconds / LocalTime.day]) \(TimeOfDay.text(seconds % LocalTime.day))"
    }
}

/// A day of the calendar and a time: `2026-12-23T00:00`.
package struct CalendarTime: Sendable, Hashable, CustomStringConvertible {
    let local: LocalTime
    package let description: String

    package init?(_ text: String) {
        let parts = text.split(separator: "T", omittingEmptySubsequences: false)
        guard parts.count == 2, let time = TimeOfDay.seconds(parts[1]) else { return nil }
        let date = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard date.map(\.utf8.count) == [4, 2, 2], date.allSatisfy({ $0.utf8.allSatisfy(Grammar.isDigit) }),
            let year = Int(date[0]), let month = Int(date[1]), let day = Int(date[2]),
            let midnight = LocalTime(year: year, month: month, day: day)
        else { return nil }
        local = midnight + time
        description = text
    }
}

private enum TimeOfDay {
    /// Of `16:00` or `16:00:30`: seconds since midnight.
    static func seconds(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3,
            parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(Grammar.isDigit) })
        else { return nil }
        let numbers = parts.compactMap { Int($0) }
        guard numbers[0] < 24, numbers.dropFirst().allSatisfy({ $0 < 60 }) else { return nil }
        return numbers[0] * 3600 + numbers[1] * 60 + (numbers.count == 3 ? numbers[2] : 0)
    }

    static func text(_ seconds: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = "\(two(seconds / 3600)):\(two(seconds / 60 % 60))"
        return seconds % 60 == 0 ? minutes : minutes + ":" + two(seconds % 60)
    }
}
