import Kubernetes

/// A pod's HTTP readiness probe (Kubernetes API, core/v1 Probe and HTTPGetAction).
package struct ReadinessProbe: Sendable, Hashable {
    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var path: String
    /// In the template's order; a name may occur twice.
    package var headers: [Header]
    /// HTTPS; the certificate is not verified.
    package var isTLS: Bool
    /// How long the kubelet waits for an answer.
    package var timeout: Duration

    package init(path: String = "/", headers: [Header] = [], isTLS: Bool = false, timeout: Duration = .seconds(1)) {
        self.path = path
        self.headers = headers
        self.isTLS = isTLS
        self.timeout = timeout
    }

    /// From the API's probe object; `nil` for a probe that is not HTTP.
    init?(_ probe: JSON) {
        guard let get = probe["httpGet"] else { return nil }
        let path = get["path"]?.string ?? ""
        let headers = (get["httpHeaders"]?.array ?? []).compactMap { header -> Header? in
            guard let name = header["name"]?.string else { return nil }
            return Header(name, header["value"]?.string ?? "")
        }
        // The API server accepts no more than a 32-bit number.
        let seconds = min(max(1, probe["timeoutSeconds"]?.integer ?? 1), Int(Int32.max))
        self.init(
            path: path.hasPrefix("/") ? path : "/" + path,
            headers: headers,
            isTLS: get["scheme"]?.string == "HTTPS",
            timeout: .seconds(seconds)
        )
    }
}
