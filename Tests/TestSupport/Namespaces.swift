import Processes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Trait where Self == ConditionTrait {
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
