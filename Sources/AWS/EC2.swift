import Foundation
import HTTPTransport

/// EC2's list of instances. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
package struct EC2: Sendable {
    package struct Instance: Sendable, Hashable {
        package var id: String
        package var state: String
        package var privateAddress: String?
        package var publicAddress: String?
        package var tags: [String: String]

        package var isRunning: Bool { state == "running" }
    }

    private let service: QueryService
    private let pageSize: Int

    /// `endpoint` replaces AWS's default and the environment's; `pageSize` is the number of instances per response, 5 to 1000.
    ///
    /// - Throws: `AWSSetupError`; `AWSCredentialError` for files that cannot be read.
    package init(
        region: String, endpoint: URL? = nil, credentials: CredentialChain, pageSize: Int = 1000
    ) throws {
        let hostEnvironment = credentials.hostEnvironment
        service = QueryService(
            service: "ec2", version: "2016-11-15", region: region,
            endpoint: try endpoint.map { try Endpoint(url: $0.absoluteString, isCustom: true) }
                ?? Endpoint.of("ec2", region: region, in: hostEnvironment),
            authority: .chain(credentials), hostEnvironment: hostEnvironment)
        self.pageSize = pageSize
    }

    /// The running instances that have all of these tags, sorted by id. In values, `*` matches any text and `?` any
    /// character; `\` escapes them. An empty value matches an empty value.
    ///
    /// - Throws: `AWSError`, `AWSCredentialError`, `TransportError`.
    package func runningInstances(tags: [String: String]) async throws -> [Instance] {
        var parameters: [(name: String, value: String)] = [
            ("MaxResults", String(pageSize)), ("Filter.1.Name", "instance-state-name"),
            ("Filter.1.Value.1", "running"),
        ]
        for (index, tag) in tags.sorted(by: { $0.key < $1.key }).enumerated() {
            parameters.append(("Filter.\(index + 2).Name", "tag:\(tag.key)"))
            parameters.append(("Filter.\(index + 2).Value.1", tag.value))
        }
        let filters = parameters
        let found: [Instance] = try await service.hostEnvironment.connected(to: service.endpoint.url) { connection in
            var instances: [Instance] = []
            var next: String?
            var seen: Set<String> = []
            repeat {
                let page = try await service.call(
                    "DescribeInstances", filters + (next.map { [("NextToken", $0)] } ?? []), over: connection,
                    as: Page.self)
                instances += page.instances
                next = page.nextToken.flatMap { $0.isEmpty ? nil : $0 }
                // A repeated page token would loop forever.
                if let next, !seen.insert(next).inserted {
                    throw AWSError(
                        kind: .notUnderstood, action: "ec2:DescribeInstances", region: service.region,
                        host: service.endpoint.host, status: 200, code: nil,
                        message: "the page token \(next) was returned twice", credentials: nil)
                }
            } while next != nil
            return instances
        }
        // An instance that stopped between two pages may still be in one of them.
        return found.filter(\.isRunning).sorted { $0.id < $1.id }
    }
}

/// `<DescribeInstancesResponse>`
private struct Page: Decodable {
    struct List<Item: Decodable>: Decodable {
        var item: [Item]?
    }

    struct Reservation: Decodable {
        var instancesSet: List<Machine>?
    }

    struct Machine: Decodable {
        struct State: Decodable {
            var name: String
        }

        struct Tag: Decodable {
            var key: String
            var value: String?
        }

        var instanceId: String
        var instanceState: State
        var privateIpAddress: String?
        var ipAddress: String?
        var tagSet: List<Tag>?
    }

    /// Present in every response; a document without it is of another kind.
    var reservationSet: List<Reservation>
    var nextToken: String?

    var instances: [EC2.Instance] {
        (reservationSet.item ?? []).flatMap { $0.instancesSet?.item ?? [] }.map { machine in
            func set(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }
            return EC2.Instance(
                id: machine.instanceId, state: machine.instanceState.name,
                privateAddress: set(machine.privateIpAddress), publicAddress: set(machine.ipAddress),
                tags: Dictionary((machine.tagSet?.item ?? []).map { ($0.key, $0.value ?? "") }) { first, _ in first })
        }
    }
}
