/// How to reach a container registry that the apps' images come from.
package struct RegistryConfiguration: Sendable, Hashable {
    /// In lower case, with its port where an image's name has one: `registry.local:5000`.
    package var host: String
    /// HTTP without TLS.
    package var plainHTTP: Bool
    /// `nil`, as `password`: no credentials are sent.
    package var username: String?
    package var password: Secret?
    /// The path of a PEM file with the certificates of the authorities to trust; `nil`: the machine's own.
    package var ca: String?
    /// How often the tags of the apps' repositories are listed.
    package var poll: Duration

    package init(
        host: String,
        plainHTTP: Bool = false,
        username: String? = nil,
        password: Secret? = nil,
        ca: String? = nil,
        poll: Duration = .seconds(300)
    ) {
        self.host = host
        self.plainHTTP = plainHTTP
        self.username = username
        self.password = password
        self.ca = ca
        self.poll = poll
    }
}
