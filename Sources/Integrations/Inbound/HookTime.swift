import ReleaseMachine

extension Timestamp {
    /// A time as senders write it: RFC 3339, or GitLab's `2026-11-26 17:04:57 UTC` and `2026-11-26 17:04:57 +0200`.
    init?(hook text: String?) {
        guard let text, text.utf8.count <= 40,
            let match = text.wholeMatch(
                of: #/(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))? ?(?:Z|z|UTC|([+-]\d\d):?(\d\d))/#),
            let year = Int(match.1), let month = Int(match.2), let day = Int(match.3),
            let hour = Int(match.4), let minute = Int(match.5), let second = Int(match.6),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var offset = 0
        if let sign = match.8?.first, let hours = match.8.flatMap({ Int($0.dropFirst()) }),
            let minutes = match.9.flatMap({ Int($0) })
        {
            offset = (hours * 60 + minutes) * (sign == "-" ? -1 : 1)
        }
        let minutes = (Self.days(year, month, day) * 24 + hour) * 60 + minute - offset
        let fraction = match.7.map { Int(($0 + "00").prefix(3)) ?? 0 } ?? 0
        self.init(milliseconds: Int64(minutes * 60 + second) * 1000 + Int64(fraction))
    }

    /// Seconds since 1970, from this century.
    init?(hookSeconds seconds: Int64?) {
        guard let seconds, (946_684_800..<4_102_444_800).contains(seconds) else { return nil }
        self.init(milliseconds: seconds * 1000)
    }

    /// Days since 1970-01-01, in the proleptic Gregorian calendar with years that begin in March.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return year / 400 * 146_097 + year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + dayOfYear - 719_468
    }
}
