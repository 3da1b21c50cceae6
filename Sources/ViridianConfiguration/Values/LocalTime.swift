import Foundation

/// A date and a time of day by a clock on the wall, without its time zone: seconds since 1970-01-01T00:00:00 by that clock.
///
/// Every day has 86 400 seconds here, as in the proleptic Gregorian calendar without leap seconds.
struct LocalTime: Sendable, Hashable, Comparable {
    var seconds: Int

    static let day = 86_400
    static let week = 7 * day

    init(seconds: Int) {
        self.seconds = seconds
    }

    /// `nil` for a day or a time that no calendar has.
    init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        guard (1...9999).contains(year), (1...12).contains(month),
            (1...Self.days(in: month, of: year)).contains(day),
            (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        seconds = Self.daysSinceEpoch(year, month, day) * Self.day + hour * 3600 + minute * 60 + second
    }

    /// The beginning of the week, Monday at midnight.
    var startOfWeek: LocalTime {
        // 1970-01-01 was a Thursday.
        let sinceMonday = (seconds + 3 * Self.day) % Self.week
        return LocalTime(seconds: seconds - (sinceMonday < 0 ? sinceMonday + Self.week : sinceMonday))
    }

    static func + (time: LocalTime, seconds: Int) -> LocalTime { LocalTime(seconds: time.seconds + seconds) }
    static func < (one: LocalTime, other: LocalTime) -> Bool { one.seconds < other.seconds }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Counts years from March, so that the leap day is a year's last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
    /// `days_from_civil`, for years after 0).
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year % 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension IANATimeZone {
    /// What the clocks of the zone show at a point of time, in seconds since 1970 UTC.
    func localTime(at instant: Int) -> LocalTime { LocalTime(seconds: instant + offset(at: instant)) }

    /// The points of time, in seconds since 1970 UTC, at which the zone's clocks show a time: one; two where clocks are set back over it;
    /// none where they are set forward over it, and then `next` is the first that exists.
    enum Instants {
        case exist(first: Int, last: Int)
        case none(next: Int)
    }

    func instants(of local: LocalTime) -> Instants {
        // No zone was ever more than 16 hours from UTC, and none changes twice within the 32 hours between these.
        let earlier = offset(at: local.seconds - 16 * 3600)
        let later = offset(at: local.seconds + 16 * 3600)
        let found = [local.seconds - earlier, local.seconds - later].filter { localTime(at: $0) == local }
        if let first = found.min(), let last = found.max() { return .exist(first: first, last: last) }
        // Clocks jump over the time: by the offset after it, it would be too early, by the one before too late.
        var before = local.seconds - later
        var after = local.seconds - earlier
        while after - before > 1 {
            let middle = (before + after) / 2
            if localTime(at: middle) < local { before = middle } else { after = middle }
        }
        return .none(next: after)
    }

    private func offset(at instant: Int) -> Int {
        rules.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(instant)))
    }
}
