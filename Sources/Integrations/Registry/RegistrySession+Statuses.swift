import HTTPTransport

extension RegistrySession {
    /// What a status means. `nil` for 404, which registries answer where there is no such thing.
    func evaluate(
        _ answer: HTTPConnection.Response, of server: String, _ repository: String
    ) throws(RegistryError) -> HTTPConnection.Response? {
        switch answer.status {
        case 200: return answer
        case 404 where !answer.isWebPage: return nil
        case 401, 403:
            guard server == host else { break }
            throw forbidden(repository, status: answer.status)
        default: break
        }
        throw failure(answer, of: server)
    }

    /// A status that is an error whatever was asked.
    func failure(_ answer: HTTPConnection.Response, of server: String) -> RegistryError {
        switch answer.status {
        case 429:
            if let wait = answer.retryAfter { pause(for: wait) }
            return RegistryError(
                .tooManyRequests, host: host,
                "\(server) answers that it gets too many requests (429)"
                    + (answer.retryAfter.map { " and may be asked again \($0.fromNow)" } ?? ""),
                retryAfter: answer.retryAfter)
        case 408, 500...:
            return RegistryError(
                .serverError(status: answer.status), host: host, "\(server) answers with an error (\(answer.status))",
                retryAfter: answer.retryAfter)
        case 200,
            404 where answer.isWebPage:
            return RegistryError(
                .invalidAnswer, host: host,
                "\(server) answers with a web page (\(answer.status)): no registry can be reached there")
        case 300..<400:
            return RegistryError(.invalidAnswer, host: host, "\(server) redirects too often (\(answer.status))")
        default:
            return RegistryError(
                .invalidAnswer, host: host, "\(server) answers \(answer.status), which a registry does not")
        }
    }

    func forbidden(_ repository: String, status: Int) -> RegistryError {
        RegistryError(
            .forbidden, host: host,
            credentials == nil
                ? "\(host) does not show \(repository) without a user and a password (\(status))"
                : "\(host) does not let the user that is configured for it read \(repository) (\(status))")
    }

    /// It demands credentials, and those that were sent, if any, were not the right ones.
    func refusal(of repository: String, by server: String? = nil) -> RegistryError {
        let server = server ?? host
        return credentials == nil
            ? RegistryError(
                .credentialsRequired, host: host,
                "\(server) demands a user and a password for \(repository), and none are configured for \(host)")
            : RegistryError(
                .credentialsRefused, host: host,
                "\(server) refuses the user and the password that are configured for \(host)")
    }
}

extension HTTPConnection.Response {
    var isWebPage: Bool { headers["Content-Type"]?.lowercased().hasPrefix("text/html") ?? false }
}
