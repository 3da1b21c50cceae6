import ReleaseMachine

/// What a delivery of a hook says has happened, in terms that are the same for all senders.
///
/// The inbox of the journal stores it as JSON: add cases and fields, never rename one.
package enum HookEvent: Sendable, Hashable, Codable {
    case pushed(PushedImage)
    case built(SucceededPipeline)
    case deploymentRequested(RequestedDeployment)
}

/// An image was pushed to a registry with a tag.
package struct PushedImage: Sendable, Hashable, Codable {
    /// The registry's host and port as the sender names it; other clients may know it by another name.
    package var host: String?
    /// `group/blog`
    package var repository: String
    package var tag: String
    /// `nil` where the sender does not tell: the tag is resolved at the registry.
    package var digest: String?
    package var commit: String?
    /// The URL of the source's repository.
    package var source: String?
    /// When it was pushed, by the sender's clock.
    package var at: Timestamp?
    package var by: String?

    package init(
        host: String? = nil, repository: String, tag: String, digest: String? = nil, commit: String? = nil,
        source: String? = nil, at: Timestamp? = nil, by: String? = nil
    ) {
        self.host = host
        self.repository = repository
        self.tag = tag
        self.digest = digest
        self.commit = commit
        self.source = source
        self.at = at
        self.by = by
    }
}

/// A pipeline for a commit of a branch or a tag has succeeded.
package struct SucceededPipeline: Sendable, Hashable, Codable {
    /// `group/blog`
    package var project: String
    package var projectURL: String?
    package var commit: String
    package var commitTime: Timestamp?
    /// The branch's or tag's name.
    package var ref: String
    package var isTag: Bool
    /// The page of the pipeline.
    package var url: String?
    package var by: String?

    package init(
        project: String, projectURL: String? = nil, commit: String, commitTime: Timestamp? = nil, ref: String,
        isTag: Bool = false, url: String? = nil, by: String? = nil
    ) {
        self.project = project
        self.projectURL = projectURL
        self.commit = commit
        self.commitTime = commitTime
        self.ref = ref
        self.isTag = isTag
        self.url = url
        self.by = by
    }
}

/// Somebody asked at the sender's for a deployment to an environment.
package struct RequestedDeployment: Sendable, Hashable, Codable {
    /// `group/blog`
    package var project: String
    package var projectURL: String?
    /// A commit's SHA, or its first characters.
    package var commit: String
    package var ref: String?
    package var environment: String
    /// The version that the deployment's payload names.
    package var version: String?
    package var url: String?
    package var by: String?

    package init(
        project: String, projectURL: String? = nil, commit: String, ref: String? = nil, environment: String,
        version: String? = nil, url: String? = nil, by: String? = nil
    ) {
        self.project = project
        self.projectURL = projectURL
        self.commit = commit
        self.ref = ref
        self.environment = environment
        self.version = version
        self.url = url
        self.by = by
    }
}
