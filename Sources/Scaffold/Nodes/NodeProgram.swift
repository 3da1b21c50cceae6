/// What is installed on nodes on which Viridian's SSH key can run one program and nothing else; the texts come from the code that uses
/// the program.
package struct NodeProgram: Sendable, Hashable {
    /// Who Viridian logs in as.
    package var user: String
    /// Each with the path that it has on a node, and its mode.
    package var program: RenderedFile
    package var configuration: RenderedFile
    /// `nil` where the user needs no sudo.
    package var sudoers: RenderedFile?
    /// What stands before the key in `authorized_keys` (sshd(8)).
    package var keyOptions: [String]

    package init(
        user: String, program: RenderedFile, configuration: RenderedFile, sudoers: RenderedFile?, keyOptions: [String]
    ) {
        self.user = user
        self.program = program
        self.configuration = configuration
        self.sudoers = sudoers
        self.keyOptions = keyOptions
    }
}
