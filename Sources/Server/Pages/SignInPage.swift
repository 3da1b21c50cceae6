import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import ReleaseMachine

extension Pages {
    func addSigningIn(to routes: Routes) {
        routes.get("signin") { request, context in
            let next = request.uri.queryParameters["next"].map(String.init)?.removingPercentEncoding
            if context.session != nil { return redirect(Pages.safe(next)) }
            return respond(Pages.signInPage(next: next), request, context)
        }
        routes.post("signin", use: signIn)
        routes.post("signout", use: signOut)
    }

    @Sendable private func signIn(_ request: Request, _ context: ServerContext) async throws -> Response {
        let next = context.form["next"]
        let token = (context.form["token"] ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        guard let (cookie, _) = try await services.authenticator.signIn(bearing: token, origin: context.remoteAddress)
        else {
            let error = services.refusedToken(
                from: context.remoteAddress, "This token is not valid: it is mistyped, has expired, or was revoked.")
            var page = Pages.signInPage(next: next)
            page.model["error"] = error.message
            page.status = error.status
            var response = respond(page, request, context)
            for (name, value) in error.headers {
                if let name = HTTPField.Name(name) { response.headers[name] = value }
            }
            return response
        }
        var response = redirect(Pages.safe(next))
        response.headers[.setCookie] = header(cookie, age: Authenticator.absolute.components.seconds)
        return response
    }

    @Sendable private func signOut(_ request: Request, _ context: ServerContext) async throws -> Response {
        if let session = context.session {
            try await services.authenticator.signOut(session, origin: context.remoteAddress)
        }
        var response = redirect("/signin")
        response.headers[.setCookie] = header("", age: 0)
        return response
    }

    private func header(_ value: String, age: Int64) -> String {
        "\(services.settings.cookie)=\(value); Path=/; Max-Age=\(age); HttpOnly; SameSite=Lax"
            + (services.settings.isSecure ? "; Secure" : "")
    }

    static func signInPage(next: String?) -> Page {
        Page(template: "signin", title: "Sign in", section: nil, model: PageValues { $0["next"] = safe(next) })
    }

    /// `next` if it is a path on this server, else `/`: no open redirect.
    static func safe(_ next: String?) -> String {
        guard let next, next.hasPrefix("/"), !next.hasPrefix("//"), !next.hasPrefix("/\\"), next.utf8.count <= 2000,
            next.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return "/" }
        return next
    }
}
