import Foundation
import HTTPTransport

/// Why a call to the Kubernetes API failed.
package enum KubernetesError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The API server refused the call.
    case refused(Refusal)
    /// No response. `server` is the API server's URL, `origin` the source of the configuration.
    case noResponse(Operation, server: String, origin: String, TransportError)
    /// The response does not follow the API; another program may be listening there.
    case invalidResponse(Operation, server: String, origin: String, problem: String)

    /// The operation that failed, in the terms of RBAC rules.
    package struct Operation: Sendable, Hashable, CustomStringConvertible {
        /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
        package var verb: String
        /// `pods`, `deployments.apps`, `pods/log`.
        package var resource: String
        package var name: String?
        package var namespace: String?

        package init(verb: String, resource: String, name: String? = nil, namespace: String? = nil) {
            self.verb = verb
            self.resource = resource
            self.name = name
            self.namespace = namespace
        }

        /// The RBAC rule that allows the operation, as a line of a Role.
        package var rule: String {
            // deployments.apps/scale: the group follows the first dot, the subresource the slash.
            let parts = resource.split(separator: "/", maxSplits: 1).map(String.init)
            let name = (parts.first ?? resource).split(separator: ".", maxSplits: 1).map(String.init)
            let plural = ([name.first ?? resource] + parts.dropFirst()).joined(separator: "/")
            return "{apiGroups: [\"\(name.count > 1 ? name[1] : "")\"], resources: [\(plural)], verbs: [\(verb)]}"
        }

        package var description: String {
            var text = "\(verb) \(resource)"
            if let name { text += " \(name)" }
            if let namespace { text += " in namespace \(namespace)" }
            return text
        }
    }

    /// A `Status` object, or the parts of it that the response had.
    package struct Refusal: Sendable, Hashable {
        package var operation: Operation
        package var status: Int
        /// `NotFound`, `Conflict`, `AlreadyExists`, `Forbidden`, `Invalid`, …; empty when the response had none.
        package var reason: String
        package var message: String
        /// The source of the credentials: the kubeconfig and context, or the in-cluster account.
        package var origin: String
    }
}

extension KubernetesError {
    package var refusal: Refusal? { if case .refused(let refusal) = self { refusal } else { nil } }
    /// The HTTP status of a refusal.
    package var status: Int? { refusal?.status }

    package var isNotFound: Bool { status == 404 }
    /// The object has changed since it was read, or a precondition did not hold.
    package var isConflict: Bool { status == 409 && refusal?.reason != "AlreadyExists" }
    package var isAlreadyExists: Bool { status == 409 && refusal?.reason == "AlreadyExists" }
    package var isForbidden: Bool { status == 403 }
    /// The account lacks a permission. Refusals by quotas, webhooks and terminating namespaces are 403 too, but are not `isDenied`.
    package var isDenied: Bool { refusal?.isDenied ?? false }
    /// Validation, a quota or a webhook rejects the object: a retry would be rejected too.
    package var isRejection: Bool {
        guard let refusal, !refusal.isDenied else { return false }
        return [400, 403, 413, 422].contains(refusal.status) || (400..<500).contains(refusal.status) && isByWebhook
    }
    /// An admission webhook rejected the object.
    package var isByWebhook: Bool { refusal?.message.contains("admission webhook") ?? false }
    package var isUnauthorized: Bool { status == 401 }
    package var isInvalid: Bool { status == 422 }
    /// The resource version or the continue token is too old.
    package var isExpired: Bool { status == 410 }
    package var hasNoResponse: Bool { if case .noResponse = self { true } else { false } }

    /// Whether a retry may succeed without any change.
    package var isTemporary: Bool {
        switch self {
        case .refused(let refusal): [408, 410, 429].contains(refusal.status) || refusal.status >= 500
        case .noResponse(_, _, _, let error):
            switch error.kind {
            case .tls, .invalidRequest, .shutDown: false
            default: true
            }
        case .invalidResponse: false
        }
    }

    package var description: String {
        switch self {
        case .refused(let refusal): refusal.description
        case .noResponse(let operation, let server, let origin, let error):
            switch error.kind {
            case .refused, .unresolvable, .unreachable, .proxy, .tls:
                "cannot reach the Kubernetes API at \(server.withoutUserInfo) (\(origin)): \(error)"
            default:
                "the Kubernetes API at \(server.withoutUserInfo) (\(origin)) did not \(operation): \(error)"
            }
        case .invalidResponse(let operation, let server, let origin, let problem):
            "the response to \(operation) from \(server.withoutUserInfo) (\(origin)) is not from a Kubernetes API: \(problem)"
        }
    }
}

extension KubernetesError.Refusal: CustomStringConvertible {
    package var description: String {
        let detail = message.isEmpty ? (reason.isEmpty ? "HTTP status \(status)" : reason) : message
        switch status {
        case 401:
            return "the Kubernetes API does not accept the credentials of \(origin) (\(operation)): \(detail)"
        case 403 where isDenied:
            let role = operation.namespace.map { "its role in namespace \($0)" } ?? "its cluster role"
            return "not allowed to \(operation): the account of \(origin) needs the rule \(operation.rule) in \(role)"
        default:
            return "the Kubernetes API refused to \(operation): \(detail)"
        }
    }
}

extension KubernetesError.Refusal {
    /// The authorizer's message is `User "anna" cannot create resource "pods" in …`; those of admission differ.
    var isDenied: Bool { status == 403 && (message.isEmpty || message.contains(" cannot \(operation.verb) ")) }

    /// Reads the `Status` object of an error response. Another body, such as a proxy's page, becomes a short message.
    init(operation: KubernetesError.Operation, origin: String, status: Int, body: Data) {
        let object = try? JSON(parsing: body)
        self.operation = operation
        self.origin = origin
        self.status = status
        reason = object?["reason"]?.string ?? ""
        if let message = object?["message"]?.string {
            self.message = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        } else {
            let text = String(decoding: body.prefix(200), as: UTF8.self)
            let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
            message = line.isEmpty ? "" : "HTTP status \(status): \(line)"
        }
    }
}
