import Controller
import Foundation
import Kubernetes
import Testing
import ViridianConfiguration

@testable import Commands

@Suite("the files of init and app add")
struct SetupFileTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "viridian-setup-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test("a file is written once, with its folders and its permissions")
    func once() throws {
        try inFolder { folder in
            let path = "\(folder)/a/b/file"
            let isWritten = try NewFile.write("one\n", to: path, mode: 0o750)
            let isWrittenAgain = try NewFile.write("two\n", to: path, mode: 0o700)
            #expect(isWritten && !isWrittenAgain)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text == "one\n")
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o750)
        }
    }

    @Test("a link that leads nowhere is there, and is not written through")
    func link() throws {
        try inFolder { folder in
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/link", withDestinationPath: "\(folder)/elsewhere")
            let isWritten = try NewFile.write("x", to: "\(folder)/link")
            #expect(!isWritten)
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/elsewhere"))
        }
    }

    @Test("why a file cannot be written is said in words")
    func refused() throws {
        try inFolder { folder in
            _ = try NewFile.write("", to: "\(folder)/file")
            for path in ["\(folder)/file/below", "\(folder)/file/far/below"] {
                let error = #expect(throws: Refusal.self) { _ = try NewFile.write("x", to: path) }
                #expect(error?.message.hasSuffix("cannot be written: a folder of its path is a file") == true)
            }
        }
    }
}

@Suite("the ports of app add")
struct PortChoiceTests {
    private func service(_ namespace: String, _ name: String, _ ports: Int?..., health: Int? = nil) -> JSON {
        var service: JSON = ["metadata": ["namespace": .string(namespace), "name": .string(name)], "spec": [:]]
        service[at: "spec.ports"] = .array(
            ports.map { port in
                var entry: JSON = ["port": 80]
                if let port { entry["nodePort"] = .integer(Int64(port)) }
                return entry
            })
        if let health { service[at: "spec.healthCheckNodePort"] = .integer(Int64(health)) }
        return service
    }

    private func choice(_ services: [JSON], _ apps: [AppConfiguration] = []) throws -> PortChoice {
        try PortChoice(for: try AppName("shop"), apps, PortsInUse(services: services))
    }

    private func blog() throws -> AppConfiguration {
        try AppConfiguration(app: "blog", ports: .init(container: 80, blue: 30000, green: 30001), image: "r.local/blog")
    }

    @Test("a pair of which a service of the cluster has a port is skipped, and the service is named")
    func skipped() throws {
        let choice = try choice(
            [
                service("blog", "blog-blue", 30000), service("legacy", "mail", nil, 30011),
                service("lb", "edge", 31999, health: 30020), service("far", "away", 32000), service("no", "port", nil),
            ], [try blog()])
        #expect(choice.ports == (30030, 30031))
        #expect(
            choice.notes == [
                "30010 and 30011 are not free: service legacy/mail has 30011",
                "30020 and 30021 are not free: service lb/edge has 30020",
            ])
    }

    @Test("services of the app that exist already keep their ports")
    func kept() throws {
        let own = [service("shop", "shop-blue", 31500), service("shop", "shop-green", 31501)]
        let kept = try choice(own)
        #expect(kept.ports == (31500, 31501))
        #expect(kept.notes == ["shop: its services exist already, on 31500 (blue) and 31501 (green)"])
        // One of them alone, or of two ports, says nothing; another app's port is that app's.
        let alone = try choice([own[0]]).ports
        #expect(alone == (30000, 30001))
        let twice = try choice([own[0], service("shop", "shop-green", 31501, 31502)]).ports
        #expect(twice == (30000, 30001))
        let taken = [service("shop", "shop-blue", 30000), service("shop", "shop-green", 30001)]
        let others = try choice(taken, [try blog()]).ports
        #expect(others == (30010, 30011))
    }
}
