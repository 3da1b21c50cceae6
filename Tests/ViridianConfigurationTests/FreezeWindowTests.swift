import Foundation
import ReleaseMachine
import Testing

@testable import ViridianConfiguration

@Suite("Freeze windows")
struct FreezeWindowTests {
    @Test("a weekend in Berlin: closed from Friday afternoon, open again on Monday morning, in summer and in winter")
    func weekend() throws {
        let weekend = try window("weekend", "Fri 16:00", "Mon 08:00", "Europe/Berlin")
        for (fridayUTC, mondayUTC) in [
            ("2026-11-27T15:00:00", "2026-11-30T07:00:00"), ("2026-07-10T14:00:00", "2026-07-13T06:00:00"),
            // Clocks are set back on Sunday, and forward.
            ("2026-10-23T14:00:00", "2026-10-26T07:00:00"), ("2026-03-27T15:00:00", "2026-03-30T06:00:00"),
            // The year ends on the Thursday before.
            ("2027-01-01T15:00:00", "2027-01-04T07:00:00"),
        ] {
            let start = at(fridayUTC), end = at(mondayUTC)
            #expect(weekend.closedUntil(start - 1, app: "blog") == nil, "\(fridayUTC)")
            #expect(weekend.closedUntil(start, app: "blog") == end, "\(fridayUTC)")
            #expect(weekend.closedUntil(end - 1, app: "blog") == end, "\(mondayUTC)")
            #expect(weekend.closedUntil(end, app: "blog") == nil, "\(mondayUTC)")
        }
    }

    @Test("over midnight, over the week's end, and almost a whole week")
    func shapes() throws {
        let night = try window("night", "Mon 22:00", "Tue 06:00")
        #expect(night.closedUntil(at("2026-11-23T23:59:59"), app: "blog") == at("2026-11-24T06:00:00"))
        #expect(night.closedUntil(at("2026-11-24T22:00:00"), app: "blog") == nil)
        let sunday = try window("sunday", "Sun 22:00", "Mon 02:00")
        #expect(sunday.closedUntil(at("2026-11-29T22:00:00"), app: "blog") == at("2026-11-30T02:00:00"))
        #expect(sunday.closedUntil(at("2026-11-30T01:59:59"), app: "blog") == at("2026-11-30T02:00:00"))
        let sundayToSunday = try window("most", "Sun 12:00", "Sun 11:00")
        #expect(sundayToSunday.closedUntil(at("2026-11-29T11:30:00"), app: "blog") == nil)
        #expect(sundayToSunday.closedUntil(at("2026-11-29T12:00:00"), app: "blog") == at("2026-12-06T11:00:00"))
        let sameDay = try window("lunch", "wed 12:00:30", "WED 13:00")
        #expect(sameDay.closedUntil(at("2026-11-25T12:00:29"), app: "blog") == nil)
        #expect(sameDay.closedUntil(at("2026-11-25T12:00:30"), app: "blog") == at("2026-11-25T13:00:00"))
        #expect(sameDay.from == "Wed 12:00:30" && sameDay.to == "Wed 13:00")
    }

    @Test("once, with a date: over the year's end, and to the second")
    func once() throws {
        let holidays = try window("holidays", "2026-12-23T00:00", "2027-01-02T00:00:01", "Europe/Berlin")
        #expect(holidays.closedUntil(at("2026-12-22T22:59:59"), app: "blog") == nil)
        #expect(holidays.closedUntil(at("2026-12-22T23:00:00"), app: "blog") == at("2027-01-01T23:00:01"))
        #expect(holidays.closedUntil(at("2027-01-01T23:00:00"), app: "blog") == at("2027-01-01T23:00:01"))
        #expect(holidays.closedUntil(at("2027-01-01T23:00:01"), app: "blog") == nil)
        #expect(holidays.closedUntil(at("2027-12-25T00:00:00"), app: "blog") == nil)
        #expect(holidays.from == "2026-12-23T00:00" && holidays.to == "2027-01-02T00:00:01")
    }

    @Test("an hour that clocks leave out is the next that there is; of one that comes twice, all is closed")
    func clocks() throws {
        // 02:00 to 03:00 on 2026-03-29, twice 02:00 to 03:00 on 2026-10-25.
        let night = try window("night", "Sun 02:15", "Sun 02:45", "Europe/Berlin")
        #expect(night.closedUntil(at("2026-03-29T00:59:59"), app: "blog") == nil)
        #expect(night.closedUntil(at("2026-03-29T01:00:00"), app: "blog") == nil)
        #expect(night.closedUntil(at("2026-10-25T00:14:59"), app: "blog") == nil)
        #expect(night.closedUntil(at("2026-10-25T00:15:00"), app: "blog") == at("2026-10-25T01:45:00"))
        #expect(night.closedUntil(at("2026-10-25T00:50:00"), app: "blog") == at("2026-10-25T01:45:00"))
        let untilGap = try window("until", "Sat 20:00", "Sun 02:30", "Europe/Berlin")
        #expect(untilGap.closedUntil(at("2026-03-29T00:00:00"), app: "blog") == at("2026-03-29T01:00:00"))
        let fromGap = try window("from", "Sun 02:30", "Sun 05:00", "Europe/Berlin")
        #expect(fromGap.closedUntil(at("2026-03-29T00:59:59"), app: "blog") == nil)
        #expect(fromGap.closedUntil(at("2026-03-29T01:00:00"), app: "blog") == at("2026-03-29T03:00:00"))
    }

    @Test("only the apps that it names, or all")
    func apps() throws {
        var weekend = try window("weekend", "Fri 16:00", "Mon 08:00")
        let saturday = at("2026-11-28T12:00:00")
        #expect(weekend.closedUntil(saturday, app: "shop") != nil)
        weekend.apps = ["blog", "www"]
        #expect(weekend.closedUntil(saturday, app: "www") != nil)
        #expect(weekend.closedUntil(saturday, app: "shop") == nil)
        #expect([weekend].closed(at: saturday, app: "shop") == nil)
    }

    @Test("windows that overlap or follow without a gap are closed until the last one's end")
    func several() throws {
        var weekend = try window("weekend", "Fri 16:00", "Mon 08:00")
        weekend.reason = "nobody is there"
        let windows = [
            weekend, try window("morning", "Mon 08:00", "Mon 10:00"), try window("sale", "Sun 00:00", "Mon 09:00"),
            try window("noon", "Mon 10:01", "Mon 12:00"),
        ]
        let end = at("2026-11-30T10:00:00")
        #expect(
            windows.closed(at: at("2026-11-28T12:00:00"), app: "blog")
                == .init(name: "weekend", reason: "nobody is there", until: end))
        // Of those that are closed, the one that ends last is named.
        #expect(windows.closed(at: at("2026-11-29T12:00:00"), app: "blog") == .init(name: "sale", until: end))
        #expect(windows.closed(at: at("2026-11-30T09:30:00"), app: "blog") == .init(name: "morning", until: end))
        #expect(windows.closed(at: end, app: "blog") == nil)
        #expect([FreezeWindow]().closed(at: end, app: "blog") == nil)
    }

    @Test("of any windows together, the end is the next time at which none of them is closed", arguments: 1...8)
    func together(_ seed: Int) throws {
        // Windows begin and end at quarters of an hour, over three weeks in which clocks are changed in Berlin.
        let start = at("2026-03-16T00:00:00"), quarters = 3 * 7 * 96
        var random = SplitMix(state: UInt64(seed))
        let windows = try (0..<4).map { index in
            let from = Int.random(in: 0..<(7 * 96), using: &random)
            let length = Int.random(in: 1..<96, using: &random)
            func text(_ quarter: Int) -> String {
                let quarter = quarter % (7 * 96)
                return "\(WeeklyTime.days[quarter / 96]) \(two(quarter % 96 / 4)):\(two(quarter % 4 * 15))"
            }
            return try window(
                "\(index)", text(from), text(from + length),
                ["UTC", "Europe/Berlin", "Asia/Kathmandu"].randomElement(using: &random) ?? "UTC")
        }
        let times = (0..<quarters).map { start + .seconds($0 * 900) }
        let isClosed = times.map { time in windows.contains { $0.closedUntil(time, app: "blog") != nil } }
        for (index, time) in times.enumerated() where index < quarters - 7 * 96 {
            let closure = windows.closed(at: time, app: "blog")
            #expect((closure != nil) == isClosed[index], "\(time)")
            guard let closure else { continue }
            let open = try #require(isClosed[index...].firstIndex(of: false))
            #expect(closure.until == times[open], "\(time)")
        }
    }

    @Test("windows that leave no gap in any week have an end for all that, a year ahead")
    func always() throws {
        let windows = [try window("a", "Mon 00:00", "Thu 00:00"), try window("b", "Thu 00:00", "Mon 00:00")]
        let now = at("2026-11-28T12:00:00")
        let closure = try #require(windows.closed(at: now, app: "blog"))
        #expect(closure.name == "b")
        #expect(closure.until - now > .seconds(366 * 86_400) && closure.until - now < .seconds(380 * 86_400))
    }

    @Test(
        "what is no time of a window",
        arguments: [
            "", "Fri", "16:00", "Fri 24:00", "Fri 16:60", "Fri 4:00", "Fri  16:00", " Fri 16:00", "Fri 16:00 ",
            "Friday 16:00", "Fre 16:00", "Fri 16:00:60", "Fri 16", "Fri -1:00", "Fri +1:00", "Fri 16:00:00:00",
            "2026-12-23", "2026-12-23 00:00", "2026-12-23T24:00", "2026-02-29T00:00", "2100-02-29T00:00",
            "2026-13-01T00:00", "2026-00-01T00:00", "2026-04-31T00:00", "2026-12-00T00:00", "0000-01-01T00:00",
            "26-12-23T00:00", "2026-12-23T00:00Z", "2026-12-23T00:00+01:00", "2026-12-23t00:00", "2026-1-23T00:00",
            "2026-12-23T00", "2026-12-23T", "T00:00", "٢٠٢٦-12-23T00:00", "Fri ١٦:00",
        ])
    func noTimes(_ text: String) {
        #expect(WeeklyTime(text) == nil)
        #expect(CalendarTime(text) == nil)
    }

    @Test("every day of four centuries has its place", arguments: [1970, 2000, 2024, 2100])
    func calendar(_ year: Int) throws {
        let start = try #require(LocalTime(year: year, month: 1, day: 1))
        let days = (1...12).reduce(0) { days, month in
            (1...31).reduce(days) { days, day in
                guard let time = LocalTime(year: year, month: month, day: day) else { return days }
                #expect(time == start + days * LocalTime.day)
                let text = "\(year)-\(two(month))-\(two(day))T00:00:00"
                #expect(time.seconds == Int(at(text).milliseconds / 1000))
                return days + 1
            }
        }
        #expect(days == (year == 2100 || year == 1970 ? 365 : 366))
    }

    private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private func window(_ name: String, _ from: String, _ to: String, _ zone: String = "UTC") throws -> FreezeWindow {
        let period: FreezeWindow.Period =
            if let from = WeeklyTime(from), let to = WeeklyTime(to) {
                .weekly(from: from, to: to)
            } else {
                .once(from: try #require(CalendarTime(from)), to: try #require(CalendarTime(to)))
            }
        return FreezeWindow(name: name, period: period, timeZone: try IANATimeZone(zone))
    }

    /// A time in UTC.
    private func at(_ text: String) -> Timestamp {
        let formatter = ISO8601DateFormatter()
        guard let date = formatter.date(from: text + "Z") else {
            Issue.record("\(text) is no time")
            return Timestamp(milliseconds: 0)
        }
        return Timestamp(milliseconds: Int64(date.timeIntervalSince1970) * 1000)
    }
}

/// Sebastiano Vigna's generator, for tests that can be repeated.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension Timestamp {
    /// So many seconds earlier.
    fileprivate static func - (time: Timestamp, seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: time.milliseconds - seconds * 1000)
    }
}

@Suite("Time zones")
struct IANATimeZoneTests {
    @Test("names of the IANA database, links and zones without an area's city included")
    func names() throws {
        for name in [
            "UTC", "Etc/UTC", "Europe/Berlin", "Europe/Kyiv", "Europe/Kiev", "Asia/Calcutta",
            "America/Argentina/Ushuaia",
            "Etc/GMT+5",
        ] {
            #expect(try IANATimeZone(name).name == name)
        }
    }

    @Test(
        "any other name is refused, and the one that was probably meant is named",
        arguments: [
            ("Europe/Berln", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin"),
            ("new york", "America/New_York"), ("America/New York", "America/New_York"), ("CEST", nil), ("EST", nil),
            ("PST", nil), ("GMT+2", nil), ("+02:00", nil), ("Z", nil), ("", nil), ("../etc/passwd", nil),
            ("Mars/Olympus_Mons", nil),
        ] as [(String, String?)])
    func refused(_ name: String, _ meant: String?) throws {
        let error = try #require(throws: InvalidValue.self) { try IANATimeZone(name) }
        let hint = meant.map { " (did you mean \($0)?)" } ?? ""
        #expect(error.expected == "a time zone of the IANA database such as Europe/Berlin, or UTC" + hint)
    }

    @Test("a time for people, by the clocks of the zone")
    func text() throws {
        let monday = Timestamp(milliseconds: 1_796_022_000_000)
        #expect(try IANATimeZone("Europe/Berlin").text(of: monday) == "Mon 2026-11-30 08:00 Europe/Berlin")
        #expect(IANATimeZone.utc.text(of: monday) == "Mon 2026-11-30 07:00 UTC")
        #expect(try IANATimeZone("Asia/Kathmandu").text(of: monday) == "Mon 2026-11-30 12:45 Asia/Kathmandu")
    }

    @Test("a build without a time zone database says so, and still knows UTC")
    func noDatabase() throws {
        #expect(try IANATimeZone("UTC", known: []).name == "UTC")
        let error = try #require(throws: InvalidValue.self) { try IANATimeZone("Europe/Berlin", known: []) }
        #expect(
            error.expected
                == "UTC, because this build of viridian contains no other time zone (Foundation's ICU has no data)")
    }
}
