import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

extension Response {
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        do {
            let line = try value.jsonLine() + "\n"
            return Response(
                status: status, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(string: line)))
        } catch {
            return Response(status: .internalServerError)
        }
    }

    /// An answer with an ETag: 304 without a body when the caller has this one already.
    static func tagged(_ body: ByteBuffer, tag: String, for request: Request) -> Response {
        var headers = HTTPFields()
        headers[.eTag] = "\"\(tag)\""
        headers[.cacheControl] = "private, no-cache"
        headers[.vary] = "Authorization, Cookie, Accept"
        let known =
            request.headers[.ifNoneMatch]?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
        if known.contains(where: { $0 == "\"\(tag)\"" || $0 == "W/\"\(tag)\"" || $0 == "*" }) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: body))
    }

    static func plain(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
