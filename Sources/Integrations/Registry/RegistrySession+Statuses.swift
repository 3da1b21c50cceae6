import HTTPTransport

extension RegistrySession {
    /// What a status means. `nil` for 404: there is no such tag, digest or repository.
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

    /// A status that is an error for every request.
    func failure(_ answer: HTTPConnection.Response, of server: String) -> RegistryError {
        switch answer.status {
        case 429:
            if let wait = answer.retryAfter { pause(for: wait) }
            return RegistryError(
                .tooManyRequests, host: host,
                "\(server) limits requests (429)" + (answer.retryAfter.map { "; retry \($0.fromNow)" } ?? ""),
                retryAfter: answer.retryAfter)
        case 408, 500...:
            return RegistryError(
                .serverError(status: answer.status), host: host, "\(server) returned an error (\(answer.status))",
                retryAfter: answer.retryAfter)
        case 200,
            404 where answer.isWebPage:
            return RegistryError(
                .invalidAnswer, host: host,
                "\(server) returned a web page (\(answer.status)) instead of a registry's response")
        case 300..<400:
            return RegistryError(.invalidAnswer, host: host, "\(server) redirects too often (\(answer.status))")
        default:
            // As a server does that expects TLS.
            let hint = answer.status == 400 && !transport.address.usesTLS ? " to plain HTTP; it may require TLS" : ""
            return RegistryError(.invalidAnswer, host: host, "\(server) returned status \(answer.status)\(hint)")
        }
    }

    func forbidden(_ repository: String, status: Int) -> RegistryError {
        RegistryError(
            .forbidden, host: host,
            credentials == nil
                ? "\(host) does not allow reading \(repository) without a user name and password (\(status))"
                : "\(host) does not allow the user configured for it to read \(repository) (\(status))")
    }

    /// Credentials are required, and those that were sent, if any, were wrong.
    func refusal(of repository: String, by server: String? = nil) -> RegistryError {
        let server = server ?? host
        return credentials == nil
            ? RegistryError(
                .credentialsRequired, host: host,
                "\(server) requires a user name and password for \(repository), and none are configured for \(host)")
            : RegistryError(
                .credentialsRefused, host: host,
                "\(server) rejected the user name and password configured for \(host)")
    }
}

extension HTTPConnection.Response {
    var isWebPage: Bool { headers["Content-Type"]?.lowercased().hasPrefix("text/html") ?? false }
}
