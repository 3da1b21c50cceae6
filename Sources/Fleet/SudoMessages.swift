/// Messages of sudo(8) on standard error.
enum SudoMessages {
    /// Whether the line is only a warning: a machine whose own name is not in /etc/hosts, a container without the right to set limits.
    static func isWarning(_ line: String) -> Bool {
        line.hasPrefix("sudo: ")
            && ["unable to resolve host", "setrlimit(", "unable to get time stamp", "unable to send audit message"]
                .contains {
                    line.contains($0)
                }
    }

    /// `sorry, you must have a tty to run sudo` (`requiretty`, the default of some distributions' sudoers).
    static func demandsTerminal(_ line: String) -> Bool { line.contains("you must have a tty") }

    /// The message for a missing terminal.
    static func needsTerminal(user: String?) -> String {
        let user = user ?? "<user>"
        return
            "sudo on the node requires a terminal (`requiretty` in its sudoers), which Viridian does not have. To fix: add "
            + "`Defaults:\(user) !requiretty` in its /etc/sudoers.d, as `viridian render sudoers` prints it"
    }
}
