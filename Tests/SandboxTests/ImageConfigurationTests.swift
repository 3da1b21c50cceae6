import Foundation
import Kubernetes
import Testing

@testable import Sandbox

@Suite("what an image's configuration says")
struct ImageConfigurationTests {
    private func read(_ text: String) throws -> ContainerImage {
        try ImageConfiguration(text, files: .thisMachine).image
    }

    private let blog = #"""
        {"User": "www-data", "Env": ["PATH=/usr/bin", "GREETING=a=b", "EMPTY="], "Entrypoint": ["docker-php-entrypoint"],
         "Cmd": ["php-fpm", "--nodaemonize"], "WorkingDir": "/code", "StopSignal": "SIGQUIT", "Labels": {"a": "b"}}
        """#

    @Test("Docker's object and a whole OCI configuration say the same")
    func both() throws {
        let image = try read(blog)
        #expect(image.command == ["docker-php-entrypoint"])
        #expect(image.arguments == ["php-fpm", "--nodaemonize"])
        #expect(image.environment == ["PATH": "/usr/bin", "GREETING": "a=b", "EMPTY": ""])
        #expect(image.workingDirectory == "/code")
        #expect(image.user == "www-data")
        #expect(image.stopSignal == 3)
        let whole = try read("{\"architecture\": \"amd64\", \"os\": \"linux\", \"config\": \(blog)}")
        #expect(whole == image)
    }

    @Test("what is missing, null or empty says nothing")
    func empty() throws {
        for text in [
            "{}", #"{"config": {}}"#,
            #"{"Entrypoint": null, "Cmd": null, "Env": null, "User": "", "WorkingDir": "", "StopSignal": ""}"#,
        ] {
            let image = try read(text)
            #expect(image == ContainerImage(command: []))
        }
    }

    @Test(
        "a configuration that is none is refused, with what is wrong",
        arguments: [
            ("[]", "is not a JSON object"), ("no", "is not a JSON object"),
            (#"{"Cmd": "php-fpm"}"#, "has a Cmd that is not a list of texts"),
            (#"{"Entrypoint": [1]}"#, "has a Entrypoint that is not a list of texts"),
            (#"{"Env": ["NAME"]}"#, "has \"NAME\" in Env, which is not NAME=value"),
            (#"{"WorkingDir": "code"}"#, "has the WorkingDir \"code\", which does not begin with /"),
            (#"{"StopSignal": "SIGSOMETHING"}"#, "has the StopSignal \"SIGSOMETHING\", which is not a signal"),
            (#"{"User": 33}"#, "has a User that is not a text"),
        ])
    func refused(text: String, problem: String) {
        let error = #expect(throws: ImageConfigurationError.self) { try read(text) }
        #expect(error?.problem == problem)
    }

    @Test(
        "signals by name and by number",
        arguments: [("SIGQUIT", 3), ("quit", 3), ("3", 3), ("SIGTERM", 15), ("SIGWINCH", 28), ("SIGRTMIN+3", 37)])
    func signals(name: String, number: Int32) {
        #expect(SignalName.number(of: name) == number)
    }

    @Test("what is no signal", arguments: ["", "0", "65", "SIG", "SIGTERM+1", "SIGRTMIN+31", "SIGRTMIN+", "-9"])
    func noSignals(name: String) {
        #expect(SignalName.number(of: name) == nil)
    }
}
