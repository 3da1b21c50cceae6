import ReleaseMachine
import ViridianConfiguration

/// A version that can be released, as a JSON object of the API and of `-o json`.
package struct VersionView: Codable, Sendable, Hashable {
    package var version: String
    package var digest: String?
    package var commit: String?
    package var commitTime: String?
    /// When it was pushed; where nobody told, when it was built or first seen; 1970 where not even that is known.
    package var pushedAt: String
    /// Who told of it: the sender of a hook, `deploy`, or `poll` for the list of the registry's tags.
    package var source: String
    /// The URL of the source's repository.
    package var repository: String?
    /// The branch or tag that it was built from.
    package var ref: String?
    /// The page of the build.
    package var url: String?
    package var state: VersionState
    /// The number of the release that it is in this state because of.
    package var release: Int?
    /// What is released: the tag with its digest.
    package var image: String

    package init(_ version: PushedVersion, of app: AppConfiguration, _ states: VersionStates) {
        self.version = version.version
        digest = version.digest
        commit = version.commit
        commitTime = version.commitTime?.iso8601
        pushedAt = version.pushedAt.iso8601
        source = version.sender
        repository = version.source
        ref = version.ref
        url = version.url
        (state, release) = states.state(of: version)
        image =
            version.image ?? "\(app.image.name):\(version.version)" + (version.digest.map { "@\($0)" } ?? "")
    }
}

/// A lock or a freeze that holds an app's releases now.
package struct HoldView: Codable, Sendable, Hashable {
    /// Who or what holds them, why, and until when.
    package var sentence: String
    package var until: String?
    /// It holds only releases that start by themselves.
    package var automatic: Bool

    package init(_ hold: Admission.Hold) {
        sentence = hold.sentence
        until = hold.until?.iso8601
        automatic = hold.isAutomatic
    }
}
