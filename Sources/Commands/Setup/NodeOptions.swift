import ArgumentParser
import Scaffold
import ViridianConfiguration

/// The machines that run nginx.
struct NodeOptions: ParsableArguments, Sendable {
    enum Inventory: String, ExpressibleByArgument, CaseIterable, Sendable {
        case `static`
        case ec2
        case kubernetes
    }

    enum Transport: String, ExpressibleByArgument, CaseIterable, Sendable {
        case ssh
        case local
    }

    @Option(help: "Where the machines that run nginx are listed: here, by tags of EC2 instances, or in the cluster.")
    var inventory: Inventory?

    @Option(help: ArgumentHelp("The address of one of them; may be given several times.", valueName: "address"))
    var node: [String] = []

    @Option(help: "The region of the EC2 instances. Default: us-east-1.") var region: String?

    @Option(
        help: ArgumentHelp(
            "A tag of the EC2 instances; may be given several times. Default: role=kubernetes-node.",
            valueName: "key=value"))
    var tag: [String] = []

    @Option(help: ArgumentHelp("A label selector of the cluster's nodes. Default: all.", valueName: "labels"))
    var selector: String?

    @Option(help: "How they are reached: over SSH, or, where nginx runs on this machine, not at all.")
    var transport: Transport?

    @Option(help: ArgumentHelp("The user for SSH. Default: deploy.", valueName: "user")) var sshUser: String?

    func validate() throws {
        let kinds = [
            ("--node", !node.isEmpty, Inventory.static), ("--region", region != nil, .ec2),
            ("--tag", !tag.isEmpty, .ec2),
            ("--selector", selector != nil, .kubernetes),
        ].filter(\.1)
        if transport == .local {
            let others = kinds.map(\.0) + (sshUser != nil ? ["--ssh-user"] : [])
            if let other = others.first {
                throw ValidationError("\(other) is for other machines: --transport local is nginx on this machine")
            }
            if let inventory, inventory != .static {
                throw ValidationError(
                    "--transport local is nginx on this machine, which no inventory \(inventory) lists")
            }
        }
        guard let chosen = inventory ?? kinds.first?.2 else { return }
        if let wrong = kinds.first(where: { $0.2 != chosen }) {
            throw ValidationError("\(wrong.0) is for --inventory \(wrong.2.rawValue), not \(chosen.rawValue)")
        }
    }

    /// The machines: from the options, else from answers, else this machine.
    func nodes(asking interview: Interview?) async throws -> StartingNodes {
        switch try await place(interview) {
        case .local: return .local
        case .static:
            let given = node.isEmpty ? nil : node.joined(separator: " ")
            let addresses = try await SetupValue(option: "--node", given: given).resolve(
                "Their addresses, separated by spaces", suggestion: nil, interview
            ) { text throws(InvalidValue) in
                node.isEmpty
                    ? try SetupValue.list(text, .node, field: "node") : try SetupValue.list(node, .node, field: "node")
            }
            return .addresses(addresses, user: try await user(interview))
        case .ec2:
            let region = try await SetupValue(option: "--region", given: region).resolve(
                "Their region", suggestion: "us-east-1", interview
            ) { text throws(InvalidValue) in try TypedValue.region.check(text, field: "region") }
            let tags = try await tags(interview)
            return .ec2(region: region, tags: tags, user: try await user(interview))
        case .kubernetes:
            let selector = try await SetupValue(option: "--selector", given: selector).resolve(
                "The label selector of those that run nginx", suggestion: "all", interview
            ) { text throws(InvalidValue) in
                text == "all" ? "" : try TypedValue.selector.check(text, field: "selector")
            }
            return .kubernetes(selector: selector, user: try await user(interview))
        }
    }

    /// Where nginx runs, as a question has it.
    private enum Place: String, CaseIterable {
        case local
        case `static`
        case ec2
        case kubernetes
    }

    private func place(_ interview: Interview?) async throws -> Place {
        if transport == .local { return .local }
        if let inventory { return Place(rawValue: inventory.rawValue) ?? .static }
        if !node.isEmpty { return .static }
        if region != nil || !tag.isEmpty { return .ec2 }
        if selector != nil { return .kubernetes }
        let isElsewhere = transport == .ssh || sshUser != nil
        let places = Place.allCases.filter { !isElsewhere || $0 != .local }
        let meanings = [
            Place.local: "local (this machine)", .static: "static (machines that you list)",
            .ec2: "ec2 (instances with a tag)", .kubernetes: "kubernetes (the cluster's nodes)",
        ]
        let known = places.map(\.rawValue)
        return try await SetupValue(option: "--node or --inventory").resolve(
            "Where nginx runs: \(places.compactMap { meanings[$0] }.joined(separator: ", "))",
            suggestion: isElsewhere ? nil : "local", interview
        ) { text throws(InvalidValue) in
            guard let place = Place(rawValue: text.lowercased()), places.contains(place) else {
                throw InvalidValue(field: "nodes", expected: "one of \(known.joined(separator: ", "))", found: text)
            }
            return place
        }
    }

    private func tags(_ interview: Interview?) async throws -> [String: String] {
        let read = { (text: String) throws(InvalidValue) -> (String, String) in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw InvalidValue(field: "tag", expected: "a tag such as role=kubernetes-node", found: text)
            }
            return (
                try TypedValue.tag.check(parts[0], field: "tag"), try TypedValue.tag.check(parts[1], field: "tag")
            )
        }
        let first = try await SetupValue(option: "--tag", given: tag.first).resolve(
            "The tag that they carry", suggestion: "role=kubernetes-node", interview, read: read)
        var tags = [first.0: first.1]
        for text in tag.dropFirst() {
            let next = try SetupValue(option: "--tag", given: text).checked(read)
            tags[next.0] = next.1
        }
        return tags
    }

    private func user(_ interview: Interview?) async throws -> String {
        try await SetupValue(option: "--ssh-user", given: sshUser).resolve(
            "The user for SSH", suggestion: "deploy", interview
        ) { text throws(InvalidValue) in try TypedValue.user.check(text, field: "user") }
    }
}
