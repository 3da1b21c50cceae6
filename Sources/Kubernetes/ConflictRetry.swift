import HTTPTransport

/// Limited retries, with back-off, of writing an object that another client has changed since it was read.
package struct ConflictRetry: Sendable {
    private static let policy = RetryPolicy(attempts: 10, firstDelay: .milliseconds(50), longestDelay: .seconds(2))

    private let resource: Resource
    private let name: String
    private let namespace: String
    private let pause: @Sendable (Duration) async throws -> Void
    private var conflicts = 0

    fileprivate init(
        _ resource: Resource, _ name: String, _ namespace: String,
        pause: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.resource = resource
        self.name = name
        self.namespace = namespace
        self.pause = pause
    }

    /// Waits before the next attempt to read and write the object.
    /// - Throws: `ConflictRetriesExhausted` after the last attempt; `CancellationError`.
    package mutating func waitToRetry(after error: KubernetesError) async throws {
        conflicts += 1
        guard conflicts < Self.policy.attempts else {
            throw ConflictRetriesExhausted(
                resource: resource, name: name, namespace: namespace, attempts: conflicts, last: error)
        }
        try await pause(Self.policy.backOff(attempt: conflicts))
    }
}

/// Every attempt to write an object ended in a conflict.
package struct ConflictRetriesExhausted: Error, Sendable, Hashable, CustomStringConvertible {
    var resource: Resource
    var name: String
    var namespace: String
    var attempts: Int
    var last: KubernetesError

    package var description: String {
        "\(resource.qualifiedName) \(name) in namespace \(namespace) was changed by another client in each of \(attempts) attempts "
            + "to write it (\(last)); to see which: "
            + "kubectl -n \(namespace) get \(resource.qualifiedName) \(name) -o yaml --show-managed-fields"
    }
}

extension KubernetesClient {
    package func conflictRetry(for resource: Resource, _ name: String, namespace: String) -> ConflictRetry {
        ConflictRetry(resource, name, namespace, pause: pause)
    }
}
