import Foundation
import HTTPTransport
import Journal

@testable import Server

/// Deliveries as a registry sends them.
enum RegistryEvents {
    static let host = "registry.local:5000"
    static let secret = "open sesame"

    static func digest(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "sha256:" + String(repeating: "0", count: 64 - digits.count) + digits
    }

    static func push(
        _ tag: String, digest: String, id: String = UUID().uuidString, repository: String = "blog", host: String = host
    ) -> String {
        """
        {"events": [{"id": "\(id)", "timestamp": "2015-10-25T14:34:03Z", "action": "push",
          "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "\(digest)",
            "repository": "\(repository)", "tag": "\(tag)"},
          "request": {"host": "\(host)", "method": "PUT", "useragent": "skopeo/1.9.3"}}]}
        """
    }
}

extension TestServer {
    /// Sends a delivery of a registry.
    func deliver(_ body: String, authorization: String = "Bearer " + RegistryEvents.secret) async throws -> Answer {
        let headers: HTTPConnection.Headers = [
            "Authorization": authorization, "Content-Type": "application/vnd.docker.distribution.events.v1+json",
        ]
        let request = HTTPConnection.Request(
            "POST", "/hooks/registry", headers: headers, body: Data(body.utf8), deadline: testLimit)
        return Answer(try await http.send(request))
    }

    /// The delivery, when nothing more is to be done for it.
    func settled(_ id: Int) async throws -> DeliveryView? {
        try await eventually {
            guard let delivery = try await journal.delivery(id), delivery.isSettled else { return nil }
            return DeliveryView(delivery)
        }
    }
}
