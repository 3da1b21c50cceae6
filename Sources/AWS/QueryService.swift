import Foundation
import HTTPTransport
import XMLCoder

/// A service of AWS's query protocol (form parameters, XML responses): EC2, STS.
struct QueryService: Sendable {
    /// The credentials of a call.
    enum Authority: Sendable {
        /// None: the parameters authenticate the call.
        case none
        case fixed(AWSCredentials)
        case chain(CredentialChain)
    }

    var service: String
    var version: String
    var region: String
    var endpoint: Endpoint
    var authority: Authority
    var hostEnvironment: AWSEnvironment
    /// The attempts for a call, and the back-off between them.
    var retry = RetryPolicy(attempts: 6, firstDelay: .milliseconds(400), longestDelay: .seconds(10))

    /// - Throws: `AWSError`, `AWSCredentialError`, or `CancellationError`.
    func call<Answer: Decodable>(
        _ action: String, _ parameters: [(name: String, value: String)], over connection: HTTPConnection,
        as type: Answer.Type
    ) async throws -> Answer {
        let form = [("Action", action), ("Version", version)] + parameters
        let body = Data(form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&").utf8)
        var attempt = 1
        var isRenewed = false
        while true {
            let credentials = try await credentials()
            let error: AWSError
            do {
                let answer = try await send(body, as: credentials, over: connection)
                if answer.isSuccess {
                    do {
                        return try Decoding.xml(Answer.self, from: answer.body)
                    } catch {
                        throw refusal(of: action, answer, as: credentials, kind: .notUnderstood)
                    }
                }
                error = refusal(of: action, answer, as: credentials)
            } catch let failure as TransportError {
                error = unreachable(action, failure, credentials)
            }
            // The role's credentials may have been replaced since they were cached.
            if error.kind == .expired, case .chain(let chain) = authority, !isRenewed {
                await chain.forget()
                isRenewed = true
                continue
            }
            guard error.isTransient, attempt < retry.attempts else { throw error.after(attempts: attempt) }
            try await hostEnvironment.pause(retry.backOff(attempt: attempt))
            attempt += 1
        }
    }

    private func credentials() async throws -> AWSCredentials? {
        switch authority {
        case .none: nil
        case .fixed(let credentials): credentials
        case .chain(let chain): try await chain.credentials()
        }
    }

    private func send(
        _ body: Data, as credentials: AWSCredentials?, over connection: HTTPConnection
    ) async throws -> HTTPConnection.Response {
        let type = (name: "Content-Type", value: "application/x-www-form-urlencoded; charset=utf-8")
        let message = Signer.Message(method: "POST", host: endpoint.host, path: endpoint.path + "/", headers: [type])
        let headers = credentials.map {
            Signer(credentials: $0, region: region, service: service, date: hostEnvironment.now())
                .headers(message, body: body)
        }
        return try await connection.send(
            HTTPConnection.Request(
                "POST", "/", headers: .init(headers ?? [("Host", endpoint.host), type]), body: body,
                deadline: hostEnvironment.limits.answer))
    }

    // MARK: - Errors

    private func refusal(
        of action: String, _ answer: HTTPConnection.Response, as credentials: AWSCredentials?,
        kind: AWSError.Kind? = nil
    ) -> AWSError {
        let document = try? Decoding.xml(ErrorDocument.self, from: answer.body)
        let skew = answer.clockSkew(at: hostEnvironment.now())
        var message = document?.shownMessage
        if document?.shownCode == nil {
            // The response of another kind of server: an HTML page, a proxy's message.
            message =
                "status \(answer.status), \(answer.headers["Content-Type"] ?? "no content type"): "
                + String(decoding: answer.body.prefix(200), as: UTF8.self)
        }
        return AWSError(
            kind: kind
                ?? ErrorCode.kind(
                    code: document?.shownCode, message: document?.shownMessage, status: answer.status, skew: skew),
            action: "\(service):\(action)", region: region, host: endpoint.host, status: answer.status,
            code: document?.shownCode, message: message, credentials: credentials?.description)
    }

    private func unreachable(_ action: String, _ error: TransportError, _ credentials: AWSCredentials?) -> AWSError {
        AWSError(
            kind: .unreachable(error), action: "\(service):\(action)", region: region, host: endpoint.host,
            status: nil, code: nil, message: nil, credentials: credentials?.description)
    }
}

extension AWSError {
    /// Whether a retry may succeed.
    var isTransient: Bool {
        switch kind {
        case .busy: true
        case .unreachable(let error):
            switch error.kind {
            case .refused, .unreachable, .proxy, .closed, .deadline: true
            default: false
            }
        default: false
        }
    }

    func after(attempts: Int) -> AWSError {
        guard case .busy = kind else { return self }
        var error = self
        error.kind = .busy(attempts: attempts)
        return error
    }
}

extension HTTPConnection.Response {
    /// The seconds by which this machine's clock is ahead of the server's `Date` header; nil without the header.
    func clockSkew(at now: Date) -> TimeInterval? {
        guard let text = headers["Date"] else { return nil }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format.date(from: text).map { now.timeIntervalSince($0) }
    }
}
