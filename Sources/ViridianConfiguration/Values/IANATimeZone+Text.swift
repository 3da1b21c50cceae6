import Foundation
import ReleaseMachine

extension IANATimeZone {
    /// For people: `Mon 2026-11-30 08:00 Europe/Berlin`.
    package func text(of time: Timestamp) -> String {
        let style = Date.VerbatimFormatStyle(
            format:
                "\(weekday: .abbreviated) \(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits)",
            locale: Locale(identifier: "en_GB"), timeZone: rules, calendar: Calendar(identifier: .gregorian))
        return "\(style.format(Date(timeIntervalSince1970: Double(time.milliseconds) / 1000))) \(name)"
    }
}
