import Processes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Command {
    /// Runs it where this machine has another name, as if on another machine (uts_namespaces(7)). Its process is the same.
    package func onMachine(_ name: String) -> Command {
        let own = geteuid() == 0 ? [] : ["--user", "--map-current-user", "--keep-caps"]
        let script = #"hostname "$1" && shift && exec "$@""#
        return Command(
            "unshare", ["--uts"] + own + ["sh", "-c", script, "sh", name, executable] + arguments,
            environment: environment, workingDirectory: workingDirectory, input: input)
    }
}

extension Trait where Self == ConditionTrait {
    /// Needs a machine on which this user may give a program's machine another name.
    package static var needsMachineNames: Self {
        .enabled("this user may not have a machine's name of its own (unshare --uts)") {
            (try? await Command("true").onMachine("other").run(deadline: .seconds(60)))?.succeeded == true
        }
    }

    /// Needs a machine on which this user may mount, in a namespace, as containers of the sandbox do that have files of their own. Where
    /// tests run in a container, that is often forbidden.
    package static var needsMounts: Self {
        .enabled("this user may not mount in a namespace (unshare --mount)") {
            let own = geteuid() == 0 ? [] : ["--user", "--map-current-user", "--keep-caps"]
            let command = Command("unshare", ["--mount"] + own + ["mount", "-t", "tmpfs", "tmpfs", "/tmp"])
            return (try? await command.run(deadline: .seconds(60)))?.succeeded == true
        }
    }
}
