import Kubernetes

/// A probe of a container, from the pod's spec.
struct ContainerProbe: Sendable {
    enum Kind: String, Sendable {
        case readiness = "Readiness"
        case liveness = "Liveness"
        case startup = "Startup"
    }

    enum Check: Sendable {
        case http(path: String, port: Int, headers: [(String, String)], host: String?)
        case tcp(port: Int, host: String?)
        case exec([String])
        case unsupported(String)
    }

    var kind: Kind
    var check: Check
    var initialDelay: Duration
    var period: Duration
    var timeout: Duration
    var successThreshold: Int
    var failureThreshold: Int

    /// - Returns: `nil` when the container has no such probe.
    init?(_ kind: Kind, of container: JSON, in pod: JSON) {
        guard let probe = container[kind.rawValue.lowercased() + "Probe"], probe.object != nil else { return nil }
        self.kind = kind
        func seconds(_ key: String, _ fallback: Int, minimum: Int) -> Duration {
            .bounded(seconds: max(minimum, probe[key]?.integer ?? fallback))
        }
        initialDelay = seconds("initialDelaySeconds", 0, minimum: 0)
        period = seconds("periodSeconds", 10, minimum: 1)
        timeout = seconds("timeoutSeconds", 1, minimum: 1)
        successThreshold = max(1, probe["successThreshold"]?.integer ?? 1)
        failureThreshold = max(1, probe["failureThreshold"]?.integer ?? 3)
        check = Self.check(probe, container)
    }

    private static func check(_ probe: JSON, _ container: JSON) -> Check {
        func port(_ value: JSON?) -> Int? {
            let name = value?.string
            let named = (container["ports"]?.array ?? []).first { name != nil && $0["name"]?.string == name }
            let number = value?.integer ?? named?["containerPort"]?.integer ?? name.flatMap { Int($0) }
            return number.flatMap { (1...65_535).contains($0) ? $0 : nil }
        }
        if let get = probe["httpGet"], get.object != nil {
            guard get["scheme"]?.string != "HTTPS" else { return .unsupported("HTTPS probes are not supported") }
            guard let number = port(get["port"]) else { return .unsupported("the probe's port is unknown") }
            let headers = (get["httpHeaders"]?.array ?? []).compactMap { header in
                header["name"]?.string.map { ($0, header["value"]?.string ?? "") }
            }
            return .http(path: get["path"]?.string ?? "/", port: number, headers: headers, host: get["host"]?.string)
        }
        if let socket = probe["tcpSocket"], socket.object != nil {
            guard let number = port(socket["port"]) else { return .unsupported("the probe's port is unknown") }
            return .tcp(port: number, host: socket["host"]?.string)
        }
        if let command = probe["exec"]?["command"]?.array { return .exec(command.compactMap(\.string)) }
        return .unsupported("this kind of probe is not supported")
    }
}
