import ReleaseMachine

/// The configuration of an app, from its file.
package struct AppConfiguration: Sendable, Hashable {
    package struct Ports: Sendable, Hashable {
        /// The port that the app's container listens on.
        package var container: Int
        /// The NodePorts of the two services.
        package var blue: Int
        package var green: Int

        package init(container: Int, blue: Int, green: Int) {
            self.container = container
            self.blue = blue
            self.green = green
        }
    }

    package enum Workload: String, Sendable, Hashable, CaseIterable {
        case replicationController = "ReplicationController"
        case deployment = "Deployment"
    }

    /// A pod template as written in its file: a Pod, a PodTemplate, or `{metadata, spec}`.
    package struct Template: Sendable, Hashable {
        package var path: String
        /// YAML.
        package var text: String

        package init(path: String, text: String) {
            self.path = path
            self.text = text
        }
    }

    /// The protocol between nginx and the pods.
    package enum Proto: String, Sendable, Hashable, CaseIterable {
        case http
        case fastcgi
    }

    package struct Ready: Sendable, Hashable {
        package var timeout: Duration
        /// How long every pod must have been ready without a restart.
        package var stable: Duration

        package init(timeout: Duration = .seconds(600), stable: Duration = .zero) {
            self.timeout = timeout
            self.stable = stable
        }
    }

    package struct Verify: Sendable, Hashable {
        package enum Outcome: String, Sendable, Hashable, CaseIterable {
            case abort
            case promote
        }

        /// Whether a release pauses before the switch until it is promoted; see `pauses`.
        package var required: Bool
        package var timeout: Duration
        /// What happens when `timeout` has passed without a promotion.
        package var then: Outcome
        /// The number of people who have to promote a release.
        package var approvals: Int
        package var by: Approvers

        package enum Approvers: String, Sendable, Hashable, CaseIterable {
            case anyone
            /// Not the person who requested the release.
            case others
        }

        /// One person does not suffice, or not everybody counts.
        package var asksOthers: Bool { approvals > 1 || by == .others }
        /// Whether a release pauses before the switch unless its requester says otherwise. Those that need approvals do.
        package var pauses: Bool { required || asksOthers }

        package init(
            required: Bool = false, timeout: Duration = .seconds(3600), then: Outcome = .abort, approvals: Int = 1,
            by: Approvers = .anyone
        ) {
            self.required = required
            self.timeout = timeout
            self.then = then
            self.approvals = approvals
            self.by = by
        }
    }

    package struct PostDeploy: Sendable, Hashable {
        /// A command for the node's shell, unchanged.
        package var command: String
        package var timeout: Duration

        package init(command: String, timeout: Duration = .seconds(300)) {
            self.command = command
            self.timeout = timeout
        }
    }

    package struct Artifact: Sendable, Hashable {
        /// An s3:// or https:// URL or an absolute path, with the placeholders `{version}` and `{app}`.
        package var from: String
        /// A directory on the nodes that contains `releases/<version>` and a link `current` to one of them.
        package var to: String
        /// How many releases are kept.
        package var keep: Int
        /// 64 hexadecimal digits, or the place of a text file that begins with them (an s3:// or https:// URL or an absolute path), with
        /// the same placeholders.
        package var sha256: String?
        /// The time limit for fetching and unpacking on one node.
        package var timeout: Duration

        package init(
            from: String,
            to: String,
            keep: Int = 5,
            sha256: String? = nil,
            timeout: Duration = .seconds(300)
        ) {
            self.from = from
            self.to = to
            self.keep = keep
            self.sha256 = sha256
            self.timeout = timeout
        }

        /// The place of a version's artifact.
        package func source(app: AppName, version: Version) -> String { filled(from, app, version) }

        /// The checksum of a version's artifact, or the place of it.
        package func checksum(app: AppName, version: Version) -> String? { sha256.map { filled($0, app, version) } }

        private func filled(_ text: String, _ app: AppName, _ version: Version) -> String {
            text.replacing("{version}", with: version.text).replacing("{app}", with: app.text)
        }
    }

    /// How nodes test a candidate before the switch.
    package struct Probe: Sendable, Hashable {
        /// The path of a GET request, or a script's name with FastCGI.
        package var path: String

        package init(path: String) {
            self.path = path
        }
    }

    package struct Drain: Sendable, Hashable {
        package var least: Duration
        package var most: Duration

        package init(least: Duration = .seconds(30), most: Duration = .seconds(300)) {
            self.least = least
            self.most = most
        }
    }

    package enum Repair: String, Sendable, Hashable, CaseIterable {
        case manual
        case auto
    }

    package var name: AppName
    /// The cluster that it runs in; `nil` for the one without a name.
    package var cluster: String?
    package var namespace: String
    package var ports: Ports
    /// Without tag and digest.
    package var image: ImageReference
    /// The containers, init containers included, that get a release's image; `nil`: every one whose repository is `image`'s.
    package var containers: [String]?
    package var workload: Workload
    /// Used only if no colour is live.
    package var replicas: Int
    /// `nil` mirrors the live colour's template.
    package var template: Template?
    package var upstream: String
    package var `protocol`: Proto
    package var hosts: [String]
    /// The host at which the candidate can be tested before it is live.
    package var preview: String?
    package var ready: Ready
    package var verify: Verify
    package var postDeploy: PostDeploy?
    package var artifact: Artifact?
    /// `nil`: the path of the pods' readiness probe, if they have one.
    package var probe: Probe?
    package var drain: Drain
    /// How long the old colour's pods stay for an instant rollback.
    package var retain: Duration
    /// How many unreachable nodes a release may leave out.
    package var tolerate: Int
    package var repair: Repair
    /// Files of nginx's configuration that may refer to a colour's port directly: paths, or their last parts.
    package var allowDirect: [String]
    /// Which events of hooks start a release; `nil`: none, pushed versions are only listed.
    package var releaseOn: ReleaseTriggers?
    package var whenBusy: WhenBusy

    package init(
        app: String,
        cluster: String? = nil,
        namespace: String? = nil,
        ports: Ports,
        image: String,
        containers: [String]? = nil,
        workload: Workload = .replicationController,
        replicas: Int = 1,
        template: Template? = nil,
        upstream: String? = nil,
        protocol: Proto = .http,
        hosts: [String] = [],
        preview: String? = nil,
        ready: Ready = Ready(),
        verify: Verify = Verify(),
        postDeploy: PostDeploy? = nil,
        artifact: Artifact? = nil,
        probe: Probe? = nil,
        drain: Drain = Drain(),
        retain: Duration = .zero,
        tolerate: Int = 0,
        repair: Repair = .manual,
        allowDirect: [String] = [],
        releaseOn: ReleaseTriggers? = nil,
        whenBusy: WhenBusy = .refuse
    ) throws(InvalidValue) {
        name = try AppName(app)
        self.image = try ImageReference(app: image)
        self.cluster = cluster
        self.containers = containers
        self.namespace = namespace ?? app
        self.ports = ports
        self.workload = workload
        self.replicas = replicas
        self.template = template
        self.upstream = upstream ?? "\(app)LB"
        self.protocol = `protocol`
        self.hosts = hosts
        self.preview = preview
        self.ready = ready
        self.verify = verify
        self.postDeploy = postDeploy
        self.artifact = artifact
        self.probe = probe
        self.drain = drain
        self.retain = retain
        self.tolerate = tolerate
        self.repair = repair
        self.allowDirect = allowDirect
        self.releaseOn = releaseOn
        self.whenBusy = whenBusy
    }
}

// MARK: - Names of the two colours

extension AppConfiguration {
    /// `blog-blue`
    package func serviceName(_ color: Color) -> String { "\(name)-\(color)" }

    /// `blog-blue`
    package func workloadName(_ color: Color) -> String { "\(name)-\(color)" }

    /// The selector of a colour's service.
    package func selector(_ color: Color) -> [String: String] { ["name": workloadName(color)] }

    /// The NodePort of a colour.
    package func port(of color: Color) -> Int {
        switch color {
        case .blue: ports.blue
        case .green: ports.green
        }
    }

    /// The image of a version.
    package func image(for version: Version) -> ImageReference { image.tagged(version) }
}

extension ImageReference {
    /// An image for an app's file: without tag and digest.
    init(app text: String) throws(InvalidValue) {
        try self.init(text)
        guard tag == nil, digest == nil else {
            throw InvalidValue(
                field: "image", expected: "an image without a tag or digest, because the version is the tag",
                found: text)
        }
    }
}
