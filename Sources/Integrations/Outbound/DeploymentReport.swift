import Foundation
import ReleaseMachine

/// What is said of a release at one of its milestones, where its source comes from.
///
/// The outbox of the journal stores it as JSON: add fields, never rename one.
package struct DeploymentReport: Sendable, Hashable, Codable {
    package enum Status: String, Sendable, Hashable, Codable, CaseIterable {
        case queued
        case inProgress = "in_progress"
        /// Awaiting promotion.
        case paused
        /// In progress again, after a pause.
        case promoted
        case success
        case failure
        case aborted
        /// A later release replaced it.
        case inactive
    }

    package var app: String
    package var number: Int
    package var version: String
    package var status: Status
    package var at: Timestamp
    package var requestedAt: Timestamp
    /// The URL of the source's repository.
    package var source: String
    package var commit: String
    /// The branch or tag that it was built from, where it is known.
    package var ref: String?
    /// The environment's name at the receiver.
    package var environment: String
    /// One sentence, at most 140 characters.
    package var description: String
    /// The release's page.
    package var logURL: String?
    /// Where the app can be visited at this moment: the preview while it is paused, the app's own address once it is live.
    package var environmentURL: String?
    /// What the release changes.
    package var compareURL: String?

    /// `blog/42`
    package var release: String { "\(app)/\(number)" }

    /// What does not come from the release: the configuration of the server, the app and the destination.
    package struct Site: Sendable, Hashable {
        /// The URL of the server, without a trailing slash; `nil` where none is configured.
        package var server: String?
        /// The app's first host.
        package var host: String?
        package var environment: String

        package init(server: String? = nil, host: String? = nil, environment: String = "production") {
            self.server = server
            self.host = host
            self.environment = environment
        }
    }
}

extension DeploymentReport {
    /// GitHub's limit for a description.
    static let longestDescription = 140

    /// Everything that is to be said of a release so far, in order. Empty when it is not known what it was built from.
    package static func reports(for milestones: [Milestone], _ site: Site) -> [DeploymentReport] {
        milestones.compactMap { DeploymentReport($0, site) }
    }

    /// `nil` when it is not known what the release was built from.
    package init?(_ milestone: Milestone, _ site: Site) {
        let order = milestone.release.order
        guard let status = Status(milestone.kind), let source = order.source.flatMap(SourceRepository.init),
            let commit = order.commit
        else { return nil }
        app = order.app
        number = order.number
        version = order.version
        self.status = status
        at = milestone.at
        requestedAt = milestone.release.createdAt
        self.source = source.url
        self.commit = commit
        ref = order.ref
        environment = site.environment
        description = Self.cut("\(order.name) (\(order.version)): \(milestone.sentence)")
        logURL = site.server.map { "\($0)/apps/\(order.app)/releases/\(order.number)" }
        environmentURL =
            switch status {
            case .paused, .promoted: order.rules.previewURL
            case .success: site.host.map { "https://\($0)" }
            case .queued, .inProgress, .failure, .aborted, .inactive: nil
            }
        compareURL = milestone.release.compareURL
    }

    /// One line of at most so many characters as GitHub counts them, which is in UTF-16.
    private static func cut(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        guard line.utf16.count > longestDescription else { return line }
        var short = line
        while short.utf16.count > longestDescription - 1 { short.removeLast() }
        return short + "…"
    }
}

extension DeploymentReport.Status {
    /// `nil` for what forges are not told.
    init?(_ kind: Milestone.Kind) {
        switch kind {
        case .requested: self = .queued
        case .started: self = .inProgress
        case .paused: self = .paused
        case .approved: return nil
        case .promoted: self = .promoted
        case .live: self = .success
        case .failed: self = .failure
        case .aborted: self = .aborted
        case .replaced: self = .inactive
        }
    }
}

extension Milestone {
    /// What has happened, in a few words.
    package var sentence: String {
        switch kind {
        case .requested: return "requested by \(release.order.requestedBy)"
        case .started: return release.candidate.map { "\($0) is being brought up" } ?? "being brought up"
        case .paused: return "ready, awaiting promotion"
        case .approved: return "approved, \(release.approvals.count) of \(release.order.rules.neededApprovals)"
        case .promoted:
            return release.promotedBy.map { "promoted by \($0), switching" }
                ?? "promoted at the end of its pause, switching"
        case .live:
            let repair = release.needRepair.isEmpty ? "" : ", \(release.needRepair.count) nodes need repair"
            return "live\(release.candidate.map { " on \($0)" } ?? "")\(repair)"
        case .failed:
            return
                "failed in phase \(release.failure?.phase.rawValue ?? "\(release.phase)"): \(release.failure?.message ?? "")"
        case .aborted: return why + (release.state == .rolledBack ? "; traffic went back" : "")
        case .replaced:
            let verb = release.state == .rolledBack ? "rolled back" : "replaced"
            return release.replacedBy.map { "\(verb) by \(release.order.app)/\($0)" } ?? verb
        }
    }

    private var why: String {
        switch release.cause {
        case .aborted(let by, let reason): "aborted by \(by)" + (reason.map { ": \($0)" } ?? "")
        case .verificationExpired: "aborted: nobody promoted it in time"
        case .superseded(let version): "given up for \(version)"
        case .failure(let failure): failure.message
        case nil: "aborted"
        }
    }
}
