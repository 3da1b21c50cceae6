extension FreezeWindow {
    private static let keys = ["name", "from", "to", "timeZone", "reason", "apps"]

    /// `apps` are the names of the configured apps, sorted; `nil` where they are not known.
    static func list(_ root: Section, apps: [String]?) -> [FreezeWindow] {
        var names: Set<String> = []
        return root.sections("freeze", known: keys).compactMap { section in
            guard let window = FreezeWindow(section, apps) else { return nil }
            if !names.insert(window.name).inserted {
                section.report(
                    "expected each name once, found \(Excerpt.quoted(window.name)) more than once", at: "name")
            }
            return window
        }
    }

    private init?(_ section: Section, _ known: [String]?) {
        let name = section.require(
            "name",
            .text("a name of at most 100 characters") {
                !$0.allSatisfy(\.isWhitespace) && $0.count <= 100 && Grammar.isOneLine($0)
            })
        let from = section.require("from", .freezeTime)
        let to = section.require("to", .freezeTime)
        let zone = Kind(IANATimeZone.expected) { text throws(InvalidValue) in try IANATimeZone(text) }
        let timeZone = section.read("timeZone", zone, default: .utc)
        let reason = section.read(
            "reason", Kind("at most 500 characters") { text throws(InvalidValue) in try Reason(text).text })
        let apps = section.list("apps", .app(known))
        if section.isEmpty("apps") {
            section.report("expected at least one app; without this key, the window concerns all apps", at: "apps")
        }
        guard let name, let from, let to, let period = Self.period(from, to, section) else { return nil }
        self.init(name: name, period: period, timeZone: timeZone, reason: reason, apps: apps)
    }

    private static func period(_ from: FreezeTime, _ to: FreezeTime, _ section: Section) -> Period? {
        switch (from, to) {
        case (.weekly(let from), .weekly(let to)):
            if from == to { section.report("expected another time than from, found \(to)", at: "to") }
            return .weekly(from: from, to: to)
        case (.once(let from), .once(let to)):
            if to.local <= from.local { section.report("expected a time after \(from), found \(to)", at: "to") }
            return .once(from: from, to: to)
        case (.weekly(let from), .once(let to)):
            section.report("expected a day of the week and a time as in from (\(from)), found \(to)", at: "to")
        case (.once(let from), .weekly(let to)):
            section.report("expected a date and a time as in from (\(from)), found \(to)", at: "to")
        }
        return nil
    }
}

extension Kind where Value == String {
    /// The name of a configured app.
    static func app(_ known: [String]?) -> Kind {
        Kind("the name of an app") { scalar throws(Mismatch) in
            let name = scalar.text
            guard let known, !known.contains(name) else { return name }
            guard !known.isEmpty else { throw Mismatch(expected: "the name of an app, but none is configured") }
            let hint = Suggestion.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
            throw Mismatch(expected: "an app that is configured (\(known.joined(separator: ", "))\(hint))")
        }
    }
}

/// One end of a window.
private enum FreezeTime {
    case weekly(WeeklyTime)
    case once(CalendarTime)
}

extension Kind where Value == FreezeTime {
    fileprivate static var freezeTime: Kind {
        Kind("a day of the week and a time such as Fri 16:00, or a date and a time such as 2026-12-23T00:00") {
            WeeklyTime($0.text).map(FreezeTime.weekly) ?? CalendarTime($0.text).map(FreezeTime.once)
        }
    }
}
