import Foundation
import HTTPTransport

/// EC2's list of machines. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
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

    /// `endpoint` is instead of AWS's own and of what the environment says; `pageSize` is how many instances an answer may
    /// hold, 5 to 1000. Throws `AWSSetupError`, and `AWSCredentialError` for files that cannot be read.
    package init(
        region: String, endpoint: URL? = nil, credentials: CredentialChain, pageSize: Int = 1000
    ) throws {
        let surroundings = credentials.surroundings
        service = QueryService(
            service: "ec2", version: "2016-11-15", region: region,
            endpoint: try endpoint.map { try Endpoint(url: $0.absoluteString, isCustom: true) }
                ?? Endpoint.of("ec2", region: region, in: surroundings),
            authority: .chain(credentials), surroundings: surroundings)
        self.pageSize = pageSize
    }

    /// The running instances that carry all of these tags, in the order of their ids. In values `*` stands for any text
    /// and `?` for a character, `\` takes their meaning away; an empty value is a tag with an empty value.
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
        let found: [Instance] = try await service.surroundings.connected(to: service.endpoint.url) { connection in
            var instances: [Instance] = []
            var next: String?
            var seen: Set<String> = []
            repeat {
                let page = try await service.call(
                    "DescribeInstances", filters + (next.map { [("NextToken", $0)] } ?? []), over: connection,
                    as: Page.self)
                instances += page.instances
                next = page.nextToken.flatMap { $0.isEmpty ? nil : $0 }
                // The same page for ever would be a list without an end.
                if let next, !seen.insert(next).inserted {
                    throw AWSError(
                        kind: .notUnderstood, action: "ec2:DescribeInstances", region: service.region,
                        host: service.endpoint.host, status: 200, code: nil,
                        message: "it names the page \(next) as its own next one", credentials: nil)
                }
            } while next != nil
            return instances
        }
        // An instance that stops between two pages is in one of them still.
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

    /// There in every answer, and so what tells this document from another.
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
