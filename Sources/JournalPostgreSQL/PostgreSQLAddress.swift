import CPostgreSQL
import Foundation
import Journal

/// Where a journal is: a URI as all programs of PostgreSQL take it (https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING).
///
/// What it does not say is libpq's affair: environment (`PGPASSWORD`, …), `.pgpass`, service files.
struct PostgreSQLAddress: Sendable {
    /// One of the servers of the URI. `nil` and empty is what libpq takes by itself.
    struct Server: Sendable, Hashable {
        var host: String?
        var hostAddress: String?
        var port: String?

        var isLocal: Bool {
            guard let host = [hostAddress, host].compactMap({ $0 }).first(where: { !$0.isEmpty }) else { return true }
            return host.hasPrefix("/") || ["127.0.0.1", "::1", "localhost"].contains(host)
        }

        /// `db1:5432`
        var name: String {
            let name = [host, hostAddress].compactMap { $0 }.first { !$0.isEmpty } ?? "the local server"
            return port.map { $0.isEmpty ? name : "\(name):\($0)" } ?? name
        }
    }

    private let uri: String
    let servers: [Server]
    /// What is set unless the URI or the environment does.
    private let defaults: [String: String]
    /// How long a connection may take to come about, with each server.
    let connectTimeout: Duration
    /// All servers are on this machine.
    let isLocal: Bool
    /// The server's certificate and name are checked (`sslmode=verify-full`).
    let isVerified: Bool
    /// Of the servers, the primary: `target_session_attrs` is `read-write` or `primary`, or not set.
    let wantsPrimary: Bool
    /// Servers and database, without user and password: `postgresql://db1,db2:5433/viridian`.
    let name: String

    static func isAddress(_ text: String) -> Bool {
        text.hasPrefix("postgresql://") || text.hasPrefix("postgres://")
    }

    init(_ uri: String) throws(PostgreSQLFailure) {
        let pq = try LibPQ.open()
        var problem: UnsafeMutablePointer<CChar>?
        guard let options = pq.conninfoParse(uri, &problem) else {
            defer { pq.freemem(problem) }
            // What follows is a part of the URI, which may be the password's.
            let words = String(libpq: problem).prefix { !"\":\n".contains($0) }.trimmingCharacters(in: .whitespaces)
            throw Self.unreadable(words)
        }
        defer { pq.conninfoFree(options) }
        var values: [String: String] = [:]
        // Named in the URI or in the environment.
        var named: Set<String> = []
        var option = options
        while let keyword = option.pointee.keyword {
            let keyword = String(cString: keyword)
            if let value = option.pointee.value { values[keyword] = String(cString: value) }
            let variable = option.pointee.variable.flatMap { ProcessInfo.processInfo.environment[String(cString: $0)] }
            if values[keyword] != nil || variable?.isEmpty == false { named.insert(keyword) }
            option += 1
        }
        // Else it would be tried as one that may pass, and told with the words that may be the password's.
        let ports = (values["port"] ?? "").split(separator: ",")
        guard ports.allSatisfy({ Int($0).map { (1...65535).contains($0) } ?? false }) else {
            throw Self.unreadable("a port is not a number from 1 to 65535")
        }
        self.uri = uri
        servers = Self.servers(values)
        defaults = Self.defaults.filter { !named.contains($0.key) }
        let timeout = values["connect_timeout"] ?? ProcessInfo.processInfo.environment["PGCONNECT_TIMEOUT"]
        // Zero is without limit, for libpq.
        connectTimeout = timeout.flatMap { Int($0) }.flatMap { $0 > 0 ? .seconds($0) : nil } ?? .seconds(5)
        let target = values["target_session_attrs"] ?? ProcessInfo.processInfo.environment["PGTARGETSESSIONATTRS"]
        wantsPrimary = target.map { ["", "read-write", "primary"].contains($0) } ?? true
        let mode = values["sslmode"] ?? ProcessInfo.processInfo.environment["PGSSLMODE"]
        isVerified = mode == "verify-full"
        isLocal = servers.allSatisfy(\.isLocal)
        name = Self.name(values)
    }

    static func unreadable(_ words: String) -> PostgreSQLFailure {
        PostgreSQLFailure(
            .address,
            "its URI cannot be read (\(words)); it is postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE, with %40 for @ in a password"
        )
    }

    /// A network that was cut is noticed within ten seconds.
    private static let defaults = [
        "application_name": "viridian",
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
        "tcp_user_timeout": "10000",
    ]

    private static func servers(_ values: [String: String]) -> [Server] {
        func list(_ key: String) -> [String] {
            values[key].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        // libpq refuses lists that do not fit to each other: it shall say so itself.
        let count = max(hosts.count, addresses.count)
        guard count > 1, hosts.isEmpty || hosts.count == count, addresses.isEmpty || addresses.count == count,
            ports.count <= 1 || ports.count == count
        else { return [Server(host: values["host"], hostAddress: values["hostaddr"], port: values["port"])] }
        return (0..<count).map { index in
            Server(
                host: hosts.isEmpty ? nil : hosts[index], hostAddress: addresses.isEmpty ? nil : addresses[index],
                port: ports.count > 1 ? ports[index] : ports.first)
        }
    }

    private static func name(_ values: [String: String]) -> String {
        let database = values["dbname"].map { "/" + $0 } ?? ""
        let hosts = (values["host"] ?? values["hostaddr"] ?? "").split(
            separator: ",", omittingEmptySubsequences: false)
        let ports = (values["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false)
        let servers = hosts.enumerated().map { index, host in
            let port = ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : ""
            let host = host.contains(":") ? "[\(host)]" : String(host)
            return port.isEmpty ? host : "\(host):\(port)"
        }.joined(separator: ",")
        // The directory of a Unix socket.
        if hosts.contains(where: { $0.hasPrefix("/") }) { return "postgresql://\(database)?host=\(servers)" }
        return "postgresql://\(servers)\(database)"
    }

    /// What a connection with one of the servers is made with: libpq's keywords and values, of which the last one counts.
    func parameters(of server: Server) -> [(keyword: String, value: String)] {
        var parameters = defaults.sorted { $0.key < $1.key }.map { (keyword: $0.key, value: $0.value) }
        parameters.append(("dbname", uri))
        if servers.count > 1 {
            // An empty value is none: all three replace the URI's lists.
            parameters += [
                ("host", server.host ?? ""), ("hostaddr", server.hostAddress ?? ""), ("port", server.port ?? ""),
            ]
        }
        // Asked by `PostgreSQLConnecting` itself: libpq believes what a pooler remembers of the time before a failover.
        if wantsPrimary { parameters.append(("target_session_attrs", "any")) }
        parameters.append(("client_encoding", "UTF8"))
        return parameters
    }
}
