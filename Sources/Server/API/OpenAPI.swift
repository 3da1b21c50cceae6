/// The description of the API, OpenAPI 3.0.3.
///
/// Written by hand, because what is generated describes types and not what they mean. A test holds it against the routes that are
/// registered, and every answer of the API tests against its schemas.
enum OpenAPI {
    static func document(version: String) -> String {
        // The parts are JSON without their braces.
        "{\n\(head.replacing("VERSION", with: version)),\n\"paths\": {\n\(paths)\n},\n\"components\": {\n\(components)\n}\n}\n"
    }

    private static let head = """
        "openapi": "3.0.3",
        "info": {
          "title": "Viridian",
          "description": "Releases versions of apps on Kubernetes blue/green, behind nginx on every node.",
          "version": "VERSION"
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}]
        """

    private static let components = [
        #""securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}"#,
        "\"parameters\": {\n\(parameters)\n}", "\"responses\": {\n\(responses)\n}", "\"schemas\": {\n\(schemas)\n}",
    ].joined(separator: ",\n")
}
