import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

extension Pages {
    /// `/stats`: the four DORA measures and the slowest phase, in total and for each app.
    @Sendable func showStatistics(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let days = try request.integer("days", 1...365) ?? 30
        let names = services.apps.configurations.map(\.name.text).filter { identity.sees($0) }
        let view = try await services.statistics(of: names, days: days)
        return respond(StatsPage(view: view).page, request, context)
    }
}

struct StatsPage {
    var view: StatisticsView

    var page: Pages.Page {
        var model = PageValues()
        model["days"] = view.days
        model["spans"] = [7, 30, 90, 365].map { days in
            PageValues {
                $0["days"] = days
                $0["current"] = days == view.days
            }
        }
        model["figures"] = figures(view.overall)
        let apps = view.apps.filter { !$0.measures.outcomes.isEmpty || $0.measures.deployments > 0 }
        model["hasApps"] = !apps.isEmpty
        model["apps"] = apps.map(row)
        return Pages.Page(template: "stats", title: "Statistics", section: .statistics, model: model)
    }

    private func figures(_ all: StatisticsView.Measures) -> [PageValues] {
        [
            figure("Deployment frequency", frequency(all), "\(counted(all.deployments, "new version")) went live"),
            figure(
                "Lead time for changes", length(all.leadTimeSeconds),
                all.leadTimeSeconds == nil
                    ? "no request carried a commit time" : "median, from commit to switch"),
            figure(
                "Change failure rate", percent(all.changeFailureRate),
                "\(all.failedChanges) of \(counted(all.changes, "change")) rolled back"),
            figure(
                "Time to restore", length(all.timeToRestoreSeconds),
                all.timeToRestoreSeconds == nil ? "no change failed" : "median, from switch to switch back"),
            figure(
                "Slowest phase", all.slowestPhase.map { DisplayText.label($0.phase) } ?? "–",
                all.slowestPhase.map { "usually \(length($0.seconds))" } ?? "no release has gone live"),
        ]
    }

    private func figure(_ label: String, _ value: String, _ note: String) -> PageValues {
        PageValues {
            $0["label"] = label
            $0["value"] = value
            $0["note"] = note
        }
    }

    private func row(_ app: StatisticsView.App) -> PageValues {
        let measures = app.measures
        return PageValues {
            $0["app"] = app.app
            $0["releases"] = measures.outcomes.values.reduce(0, +)
            $0["live"] = measures.deployments
            $0["frequency"] = measures.deployments == 0 ? "–" : rounded(measures.perDay * 7)
            $0["lead"] = length(measures.leadTimeSeconds)
            $0["failed"] = percent(measures.changeFailureRate)
            $0["restore"] = length(measures.timeToRestoreSeconds)
            $0["slowest"] = measures.slowestPhase.map { "\(DisplayText.label($0.phase)), \(length($0.seconds))" } ?? "–"
        }
    }

    /// Always per week, so that two spans or two apps can be compared.
    private func frequency(_ measures: StatisticsView.Measures) -> String {
        measures.deployments == 0 ? "none" : "\(rounded(measures.perDay * 7)) per week"
    }

    private func length(_ seconds: Double?) -> String {
        seconds.map { seconds in
            seconds >= 172_800
                ? "\(rounded(seconds / 86_400)) days" : Duration.milliseconds(Int64(seconds * 1000)).short
        } ?? "–"
    }

    private func percent(_ part: Double?) -> String { part.map { "\(rounded($0 * 100)) %" } ?? "–" }

    private func rounded(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }
}
