import Controller
import Foundation
import HTTPTypes
import Hummingbird
import Journal
import ReleaseMachine
import ViridianConfiguration

/// An error response: a status, a code for programs and a message for people.
package struct APIError: Error, Sendable, Hashable, CustomStringConvertible {
    package var status: HTTPResponse.Status
    /// Stable, for programs: `not_found`, `invalid_value`, …
    package var code: String
    /// What happened, and what to do.
    package var message: String
    /// The invalid field, parameter or header.
    package var field: String?
    /// The release that blocks the request.
    package var release: Int?
    /// When what blocks the request ends by itself.
    package var until: Timestamp?
    package var headers: [String: String] = [:]

    package var description: String { message }

    package init(
        _ status: HTTPResponse.Status,
        _ code: String,
        _ message: String,
        field: String? = nil,
        release: Int? = nil,
        until: Timestamp? = nil,
        headers: [String: String] = [:]
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.release = release
        self.until = until
        self.headers = headers
    }

    static var unauthorized: APIError {
        APIError(
            .unauthorized, "unauthorized", "this needs an access token: Authorization: Bearer vir_…",
            headers: ["WWW-Authenticate": "Bearer realm=\"viridian\""])
    }

    package static func forbidden(_ message: String) -> APIError { APIError(.forbidden, "forbidden", message) }
    package static func notFound(_ message: String) -> APIError { APIError(.notFound, "not_found", message) }
    static func malformed(_ message: String) -> APIError { APIError(.badRequest, "malformed", message) }

    package static func invalid(_ field: String, _ message: String) -> APIError {
        APIError(.unprocessableContent, "invalid_value", message, field: field)
    }

    /// The response for an error of any module.
    package init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as UnknownApp: self = .notFound(error.description)
        case let error as DeletedRelease: self = .notFound(error.description)
        case let error as InvalidValue: self = .invalid(error.field, error.description)
        case let error as Inapplicable: self = APIError(.conflict, "not_applicable", error.description)
        case let error as LeaseHeld:
            self = APIError(.conflict, "release_running", error.description, release: error.release)
        case let error as ReleaseHeld:
            self = APIError(.locked, "locked", error.description, until: error.until)
        case let error as ApprovalsNeeded:
            self = APIError(.conflict, "approvals_needed", error.description, field: "verify")
        case let error as NotAdmitted: self = APIError(.conflict, "refused", error.description)
        case let error as Interrupted:
            self = APIError(.conflict, "release_running", error.description, release: error.release.order.number)
        case let error as Refusal: self = APIError(.conflict, "refused", error.description)
        case let error as JournalWentBack: self = APIError(.conflict, "refused", error.description)
        case let error as JournalConflict: self = APIError(.conflict, "conflict", error.description)
        case let error as JournalError: self = APIError(.serviceUnavailable, "journal_unavailable", error.description)
        case let error as Stopping: self = APIError(.serviceUnavailable, "stopping", error.description)
        case let error as HTTPError:
            self = APIError(error.status, APIError.code(error.status), error.body ?? error.status.reasonPhrase)
        case is CancellationError:
            self = APIError(.serviceUnavailable, "stopping", "the server is stopping: retry when it is back")
        default:
            self = APIError(.serviceUnavailable, "unavailable", "\(error)")
        }
    }

    private static func code(_ status: HTTPResponse.Status) -> String {
        switch status {
        case .notFound: "not_found"
        case .contentTooLarge: "too_large"
        case .badRequest: "malformed"
        default: status.reasonPhrase.lowercased().replacing(" ", with: "_")
        }
    }
}

/// The JSON of an error.
struct ErrorAnswer: Codable, Sendable {
    struct Body: Codable, Sendable {
        var code: String
        var message: String
        var field: String?
        var release: Int?
        var until: String?
    }

    var error: Body

    init(_ error: APIError) {
        self.error = Body(
            code: error.code, message: error.message.safeLines, field: error.field, release: error.release,
            until: error.until?.iso8601)
    }
}

extension String {
    /// Its lines stay lines, without control characters in them: terminals show each as one.
    fileprivate var safeLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).safe }.joined(separator: "\n")
    }
}

extension HTTPResponse.Status {
    /// RFC 4918, section 11.3.
    static let locked = Self(code: 423, reasonPhrase: "Locked")
}
