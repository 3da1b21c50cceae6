import TextTemplates

/// `/etc/sudoers.d/viridian` on a node that is reached over SSH: its key runs the installed program and nothing else.
package struct NodeSudoers: TemplateValues {
    package static let template = TextTemplate(PackageResources.sudoers_mustache)

    private let user: String
    /// Paths of the program and of the file that says what it may do.
    private let program: String
    private let configuration: String
    /// What the key's line in `authorized_keys` begins with.
    private let authorizedKey: String

    package init(user: String, program: String, configuration: String, authorizedKey: String) {
        self.user = user
        self.program = program
        self.configuration = configuration
        self.authorizedKey = authorizedKey
    }
}

/// `/etc/sudoers.d/viridian` on the machine that runs Viridian, where that is the node.
package struct LocalSudoers: TemplateValues {
    package static let template = TextTemplate(PackageResources.sudoers_local_mustache)
    /// As whom the server runs: the user of its unit.
    package static let serverUser = "viridian"

    private let user: String

    package init(user: String) { self.user = user }
}
