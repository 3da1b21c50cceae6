/// What sudo(8) says on standard error.
enum SudoWords {
    /// It says this and goes on: a machine whose own name is not in /etc/hosts, a container without the right to set limits. Whatever went
    /// wrong has another cause.
    static func isWarning(_ line: String) -> Bool {
        line.hasPrefix("sudo: ")
            && ["unable to resolve host", "setrlimit(", "unable to get time stamp", "unable to send audit message"]
                .contains {
                    line.contains($0)
                }
    }

    /// `sorry, you must have a tty to run sudo` (`requiretty`, the default of some distributions' sudoers).
    static func demandsTerminal(_ line: String) -> Bool { line.contains("you must have a tty") }

    /// One sentence for a person.
    static func needsTerminal(user: String?) -> String {
        let user = user ?? "<user>"
        return
            "sudo there demands a terminal (`requiretty` in its sudoers), and nobody who runs programs has one. To fix: add "
            + "`Defaults:\(user) !requiretty` in /etc/sudoers.d there, as `viridian render sudoers` prints it"
    }
}
