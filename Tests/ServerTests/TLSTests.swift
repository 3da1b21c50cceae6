import Foundation
import HTTPTransport
import Logging
import Processes
import Testing
import ViridianConfiguration

@testable import Server

@Suite("TLS")
struct TLSTests {
    /// A self-signed certificate for 127.0.0.1, made by `openssl`.
    private func makeCertificate(in folder: TestFolder, _ name: String) async throws {
        let made = try await Command(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                "\(folder.path)/\(name).key",
                "-out", "\(folder.path)/\(name).crt",
            ]
        ).run(deadline: .seconds(600))
        try #require(made.succeeded, "\(made.error)")
    }

    private func call(_ port: Int, trusting certificate: String) async throws -> HTTPConnection.Response {
        let authority = try Data(contentsOf: URL(fileURLWithPath: certificate))
        var identity = TLSIdentity.system
        identity.trust = .authorities(authority)
        let http = try HTTPConnection(baseURL: "https://127.0.0.1:\(port)", tls: identity)
        do {
            let answer = try await http.send(.init("GET", "/healthz", closesConnection: true))
            await http.shutdown()
            return answer
        } catch {
            await http.shutdown()
            throw error
        }
    }

    @Test("a changed certificate is used without a restart; a broken one is not used")
    func reload() async throws {
        let folder = try TestFolder()
        for name in ["one", "two"] { try await makeCertificate(in: folder, name) }
        let (certificate, key) = (folder.path + "/server.crt", folder.path + "/server.key")
        func install(_ name: String) throws {
            for (ending, target) in [("crt", certificate), ("key", key)] {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name).\(ending)"))
                try bytes.write(to: URL(fileURLWithPath: target))
            }
        }
        try install("one")
        let (one, two) = (folder.path + "/one.crt", folder.path + "/two.crt")
        try await withServer(settings: { $0.tls = TLSFiles(certificate: certificate, key: key) }) { server in
            let answer = try await call(server.port, trusting: one)
            #expect(answer.status == 200)
            #expect(answer.headers["Strict-Transport-Security"] != nil)
            try Data("half a certif".utf8).write(to: URL(fileURLWithPath: certificate))
            #expect(try await call(server.port, trusting: one).status == 200)
            for (ending, target) in [("crt", certificate), ("key", key)] {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/two.\(ending)"))
                try bytes.write(to: URL(fileURLWithPath: target))
            }
            let isNew = try await eventually {
                (try? await call(server.port, trusting: two))?.status == 200 ? true : nil
            }
            #expect(isNew == true)
            await #expect(throws: TransportError.self) { try await call(server.port, trusting: one) }
        }
    }

    @Test("invalid files are an error at the start that names them")
    func unreadable() throws {
        let folder = try TestFolder()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let missing = TLSFiles(certificate: folder.path + "/no.crt", key: folder.path + "/no.key")
        let error = #expect(throws: CertificateError.self) { try Certificates(missing, logger: logger) }
        #expect(error?.description.contains("no.crt cannot be read") == true)
    }
}
