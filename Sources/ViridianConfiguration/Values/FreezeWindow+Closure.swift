import ReleaseMachine

extension FreezeWindow {
    /// The end of the window if it is closed for the app at that time, the beginning included and the end not; `nil`: open.
    package func closedUntil(_ now: Timestamp, app: String) -> Timestamp? {
        [self].closed(at: now, app: app)?.until
    }

    /// The times around a point of time in which the window is closed, in seconds since 1970 UTC, without their ends.
    ///
    /// A local time that clocks are set forward over means the next that exists. Of one that exists twice, a window begins at the first and
    /// ends at the last.
    fileprivate func closedTimes(around now: Int) -> [Range<Int>] {
        switch period {
        case .once(let from, let to):
            return [range(from.local, to.local)]
        case .weekly(let from, let to):
            let length = to.seconds - from.seconds
            let thisWeek = timeZone.localTime(at: now).startOfWeek
            // What began last week may not have ended; next week may have begun once already where clocks are set back over its beginning.
            return (-1...1).map { week in
                let start = thisWeek + week * LocalTime.week + from.seconds
                return range(start, start + (length > 0 ? length : length + LocalTime.week))
            }
        }
    }

    private func range(_ from: LocalTime, _ to: LocalTime) -> Range<Int> {
        let start = timeZone.instants(of: from).first
        return start..<max(start, timeZone.instants(of: to).last)
    }
}

extension IANATimeZone.Instants {
    fileprivate var first: Int {
        switch self {
        case .exist(let first, _): first
        case .none(let next): next
        }
    }

    fileprivate var last: Int {
        switch self {
        case .exist(_, let last): last
        case .none(let next): next
        }
    }
}

extension [FreezeWindow] {
    /// Why no release of an app may start, and until when.
    package struct Closure: Sendable, Hashable {
        /// Of the window that is closed now; of several, the one that ends last.
        package var name: String
        package var reason: String?
        /// The end of that window and of all that follow it without a gap, as far as a year ahead.
        package var until: Timestamp

        package init(name: String, reason: String? = nil, until: Timestamp) {
            self.name = name
            self.reason = reason
            self.until = until
        }
    }

    /// `nil`: no window is closed for the app at that time.
    package func closed(at now: Timestamp, app: String) -> Closure? {
        let windows = filter { $0.concerns(app) }
        let now = Int(now.milliseconds / 1000)
        guard let (window, end) = windows.lastToEnd(at: now) else { return nil }
        var until = end
        while until - now < 366 * LocalTime.day, let (_, next) = windows.lastToEnd(at: until) { until = next }
        return Closure(name: window.name, reason: window.reason, until: Timestamp(milliseconds: Int64(until) * 1000))
    }

    /// Of the windows that are closed at a point of time the one that ends last, and its end.
    private func lastToEnd(at instant: Int) -> (window: FreezeWindow, end: Int)? {
        let closed = compactMap { window in
            window.closedTimes(around: instant).filter { $0.contains(instant) }.map(\.upperBound).max().map {
                (window: window, end: $0)
            }
        }
        return closed.max { $0.end < $1.end }
    }
}
