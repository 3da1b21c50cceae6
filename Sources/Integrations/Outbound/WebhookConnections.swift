import HTTPTransport

/// The connection to a receiver, at the address where it was last: the certificates that this machine trusts are not read for each message.
actor WebhookConnections {
    private let origin: String
    private let proxy: ProxyServer?
    private var last: (address: IPAddress?, connection: HTTPConnection)?

    /// The time limit for opening a connection to one of the addresses.
    private static let connectTimeout = Duration.seconds(4)

    /// `origin` is the beginning of the receiver's URL: `https://hooks.domain.com:8443`.
    init(origin: String, proxy: ProxyServer?) {
        self.origin = origin
        self.proxy = proxy
    }

    /// - Throws: `TransportError`.
    func connection(to address: IPAddress?) async throws -> HTTPConnection {
        if let last, last.address == address { return last.connection }
        let old = last?.connection
        let connection = try HTTPConnection(
            baseURL: origin, proxy: proxy, address: address, connectionLimit: 4, connectTimeout: Self.connectTimeout)
        last = (address, connection)
        await old?.shutdown()
        return connection
    }

    func shutdown() async {
        let old = last?.connection
        last = nil
        await old?.shutdown()
    }
}
