import Controller
import Journal
import ReleaseMachine

/// What keeps an app's versions from being released, what waits, and what can be released: parts of the app's page.
struct AppAdmission: Sendable {
    /// A lock or a freeze that holds the app's releases.
    struct Hold: Sendable {
        var sentence: String
        /// The lock that a person can end.
        var lock: String?
        var isAutomatic: Bool
    }

    var holds: [Hold] = []
    /// The newest known versions.
    var versions: [VersionView] = []
    var hasMoreVersions = false
    /// A lock or a freeze may be overridden, with a reason.
    var mayOverride = false

    static let versionCount = 10

    /// With `mayDeploy` the page has the form in which a version can be chosen.
    func fill(_ model: inout PageValues, _ app: AppView, mayRelease: Bool, mayDeploy: Bool, now: Timestamp) {
        let path = "/apps/\(app.app)"
        model["lockHref"] = mayRelease ? "\(path)/lock" : nil
        model["holds"] = holds.map { hold in
            PageValues {
                $0["sentence"] = hold.sentence
                $0["unlock"] = mayRelease ? hold.lock.map { "\(path)/locks/\($0)/unlock" } : nil
            }
        }
        model["queued"] = app.queued.map { queued in
            PageValues {
                $0["version"] = queued.version
                // Not twice on one page.
                $0["waits"] = holds.contains { $0.sentence == queued.waits } ? nil : queued.waits
                $0["since"] = Timestamp(iso8601: queued.since).map { DisplayText.ago($0, now: now) }
                $0["drop"] = mayRelease ? "\(path)/queue/drop" : nil
            }
        }
        // Locks for automatic releases do not concern a person's.
        model["mayOverride"] = mayOverride && holds.contains { !$0.isAutomatic }
        model["hasVersions"] = !versions.isEmpty
        model["versions"] = VersionsPage.rows(versions, of: app.app, mayRelease: mayDeploy, now: now)
        model["moreVersions"] = hasMoreVersions ? "\(path)/versions" : nil
    }
}

extension Pages {
    func admission(of app: String, _ context: ServerContext) async throws -> AppAdmission {
        let identity = try context.require(.viewer, for: app)
        let now = services.clock.now
        var admission = AppAdmission()
        admission.mayOverride = identity.role == .admin
        for lock in try await services.journal.locks(at: now) {
            let mayEnd = lock.app != nil || identity.apps == nil
            admission.holds += Holds([]).holding(app, locks: [lock], at: now).map {
                AppAdmission.Hold(sentence: $0.sentence, lock: mayEnd ? lock.id : nil, isAutomatic: $0.isAutomatic)
            }
        }
        admission.holds += Holds(services.apps.freezes).holding(app, locks: [], at: now).map {
            AppAdmission.Hold(sentence: $0.sentence, isAutomatic: false)
        }
        let versions = try await services.versions(of: app, limit: AppAdmission.versionCount)
        admission.versions = versions.versions
        admission.hasMoreVersions = versions.next != nil
        return admission
    }
}
