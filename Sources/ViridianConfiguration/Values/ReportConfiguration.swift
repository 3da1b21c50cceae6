import Foundation

/// Where the outcome of releases is reported: back to where the change came from.
package struct ReportConfiguration: Sendable, Hashable {
    package struct Destination: Sendable, Hashable {
        package var token: Secret
        /// The base URL of the API, without a trailing slash.
        package var api: URL
        /// The name of the environment that releases go to, as GitHub or GitLab shows it.
        package var environment: String

        package init(token: Secret, api: URL, environment: String = "production") {
            self.token = token
            self.api = api
            self.environment = environment
        }
    }

    package var github: Destination?
    package var gitlab: Destination?

    package init(github: Destination? = nil, gitlab: Destination? = nil) {
        self.github = github
        self.gitlab = gitlab
    }
}
