import HTTPTransport

/// Attempts to write an object that somebody else has changed since it was read: with pauses that grow, and an end.
package struct Contention: Sendable {
    private static let policy = RetryPolicy(attempts: 10, firstDelay: .milliseconds(50), longestDelay: .seconds(2))

    private let resource: Resource
    private let name: String
    private let namespace: String
    private let pause: @Sendable (Duration) async throws -> Void
    private var losses = 0

    fileprivate init(
        _ resource: Resource, _ name: String, _ namespace: String,
        pause: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.resource = resource
        self.name = name
        self.namespace = namespace
        self.pause = pause
    }

    /// Waits until it makes sense to read the object and write it again.
    /// - Throws: `Contested` when that has been tried often enough, `CancellationError`.
    package mutating func lost(_ error: KubernetesError) async throws {
        losses += 1
        guard losses < Self.policy.attempts else {
            throw Contested(resource: resource, name: name, namespace: namespace, attempts: losses, last: error)
        }
        try await pause(Self.policy.backOff(attempt: losses))
    }
}

/// Every attempt to write an object ended in a conflict.
package struct Contested: Error, Sendable, Hashable, CustomStringConvertible {
    var resource: Resource
    var name: String
    var namespace: String
    var attempts: Int
    var last: KubernetesError

    package var description: String {
        "\(resource.qualifiedName) \(name) in namespace \(namespace) was changed by somebody else each of the \(attempts) times "
            + "that it was to be written (\(last)); to see by whom: "
            + "kubectl -n \(namespace) get \(resource.qualifiedName) \(name) -o yaml --show-managed-fields"
    }
}

extension KubernetesClient {
    package func contention(over resource: Resource, _ name: String, namespace: String) -> Contention {
        Contention(resource, name, namespace, pause: pause)
    }
}
