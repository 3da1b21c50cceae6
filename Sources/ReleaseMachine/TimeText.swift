extension Timestamp {
    /// `2015-10-25T14:34:03.000Z`
    ///
    /// Not by Foundation's formatter, which is too slow for a log of 50,000 lines. The algorithm is Howard Hinnant's
    /// `civil_from_days`.
    package var iso8601: String {
        let (days, rest) = milliseconds.dividedRoundingDown(by: 86_400_000)
        let (era, dayOfEra) = (days + 719_468).dividedRoundingDown(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(year.digits(4))-\(month.digits(2))-\(day.digits(2))"
        let time =
            "\((rest / 3_600_000).digits(2)):\((rest / 60_000 % 60).digits(2)):\((rest / 1000 % 60).digits(2))"
        return "\(date)T\(time).\((rest % 1000).digits(3))Z"
    }

    /// `14:34:03 UTC`, for people: terminals, CI logs and pages may be in different time zones.
    package var clockTime: String { "\(iso8601.dropFirst(11).prefix(8)) UTC" }

    /// `2026-11-30 08:00 UTC`
    package var minuteTime: String { "\(iso8601.prefix(10)) \(iso8601.dropFirst(11).prefix(5)) UTC" }
}

extension Int64 {
    fileprivate func dividedRoundingDown(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let quotient = self >= 0 ? self / divisor : (self - divisor + 1) / divisor
        return (quotient, self - quotient * divisor)
    }

    fileprivate func digits(_ count: Int) -> String {
        let text = String(self)
        return text.utf8.count >= count ? text : String(repeating: "0", count: count - text.utf8.count) + text
    }
}

extension Duration {
    /// `0.4s`, `12.3s`, `4m 05s`, `1h 02m`: for people.
    package var short: String {
        let tenths = milliseconds / 100
        if tenths < 600 { return "\(tenths / 10).\(tenths % 10)s" }
        let seconds = milliseconds / 1000
        if seconds < 3600 { return "\(seconds / 60)m \((seconds % 60).digits(2))s" }
        return "\(seconds / 3600)h \((seconds / 60 % 60).digits(2))m"
    }
}
