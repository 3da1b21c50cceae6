import ArgumentParser
import Controller
import Fleet
import Kubernetes
import ViridianConfiguration
import Workloads

struct AdoptCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "Write the configuration of an app that runs already, changing nothing.",
        discussion: """
            Reads the app's two services and their workloads in the cluster, and on every node nginx's configuration: the upstream with \
            both NodePorts, the virtual hosts that pass to it, the deploy program and the static files. Writes apps/APP.yaml next to \
            viridian.yaml, with comments that say where each value was found, and prints what a release does differently from a tool like \
            the article's and what it does not understand.

            viridian.yaml has to say how the cluster and the nodes are reached (viridian init writes one); it need not have apps. Nothing \
            in the cluster or on a node is changed, and an existing file is not overwritten.

            Exit status: 0 if the file was written, or exists and says the same; 1 if the app cannot be adopted as it is, or the file says \
            something else.
            """
    )

    @Argument(help: "The app: the name that its services and workloads have before -blue and -green.") var app: String
    @Option(help: "Its namespace. Default: the app's name, or the only namespace that has its services.") var namespace:
        String?
    @OptionGroup var cluster: ClusterOption
    @Option(help: "The upstream's name, where several on the nodes have both ports.") var upstream: String?
    @Option(help: "The image's repository, without a tag, where it is not known which container is the app's.")
    var image: String?
    @Flag(help: "Write the file's text to standard output and everything else to standard error; write no file.")
    var print = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer("adopt", "it writes a file on this machine")
        if print, output.output == .json { throw ValidationError("--print and -o json exclude each other") }
    }

    func perform() async throws -> ExitStatus {
        let name: AppName
        do { name = try AppName(app) } catch { throw Refusal("\(error)") }
        let configuration = try Configuration.load(file: try ConfigurationFile.locate(explicit: local.config))
        let adoption = try Adoption(try await facts(of: name, configuration))
        let isShownOnly = print || output.output == .json
        let file = try ConfigurationLock.held(configuration.file) {
            try AdoptionView.File(adoption, besides: configuration.file, isShownOnly: isShownOnly)
        }
        let view = AdoptionView(adoption, file: file)
        if output.output == .json {
            printLine(try view.jsonLine())
        } else if print {
            for line in view.lines { printError(line) }
            printText(view.file.text)
        } else {
            for line in view.lines + view.nextLines { printLine(line) }
        }
        return view.file.state == .differs ? .couldNot : .done
    }

    /// Reads cluster and nodes. The journal is not opened: there may be none yet.
    private func facts(of name: AppName, _ configuration: Configuration) async throws -> AdoptionFacts {
        let cluster = try cluster.forNewApp(name, in: configuration)
        let client = try cluster.client()
        do {
            let facts = try await cluster.nodes.withTransport { transport in
                guard let fleet = try cluster.nodes.fleet(in: client, transport) else {
                    throw Refusal("the nodes are those of the cluster, and there is no cluster")
                }
                async let running = RunningApp.read(name.text, namespace: namespace, by: client)
                let results = try await fleet.inspect(app: name.text, on: try await fleet.nodes())
                return AdoptionFacts(
                    app: name,
                    cluster: cluster.name,
                    running: try await running,
                    nodes: results.compactMap { try? $0.get() },
                    failures: results.compactMap { if case .failure(let failure) = $0 { failure } else { nil } },
                    settings: cluster.nodes,
                    otherApps: configuration.apps.map(\.name.text).filter { $0 != name.text },
                    upstream: upstream,
                    image: image
                )
            }
            await client.shutdown()
            return facts
        } catch {
            await client.shutdown()
            throw error
        }
    }
}
