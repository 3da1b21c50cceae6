// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A room of the house: a library target that only this package sees.
func room(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    excluding files: [String] = [],
    resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: files, resources: resources, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: [.byName(name: name)] + dependencies,
        swiftSettings: settings
    )
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let xmlCoder = Target.Dependency.product(name: "XMLCoder", package: "XMLCoder")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "viridian",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "viridian", targets: ["viridian"])],
    dependencies: [
        .package(url: "https://github.com/CoreOffice/XMLCoder", from: "0.18.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        room("ReleaseMachine"),
        room("ViridianConfiguration", ["ReleaseMachine", yams]),
        room("Processes", [subprocess, system]),
        room("HTTPTransport", [asyncHTTPClient, logging, nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS, nioWebSocket]),
        room("Kubernetes", ["HTTPTransport", "Processes", yams]),
        room("AWS", ["HTTPTransport", crypto, xmlCoder]),
        room("Nginx"),
        room("TextTemplates", [mustache]),
        room(
            "Fleet",
            ["AWS", "Kubernetes", "Nginx", "Processes", "TextTemplates"],
            excluding: ["Script/README.md", "Script/run.sh"],
            resources: [
                .embedInCode("Local/nginx.conf.mustache"), .embedInCode("Local/run-nginx.sh"), .embedInCode("Script"),
            ]
        ),
        room("Journal", ["ReleaseMachine"]),
        room("JournalSQLite", ["Journal", grdb], resources: [.embedInCode("Migrations")]),
        // libpq, opened when a journal is in PostgreSQL, not linked.
        .target(name: "CPostgreSQL", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        room("JournalPostgreSQL", ["CPostgreSQL", "Journal", nioPosix], resources: [.embedInCode("Migrations")]),
        room("Controller", ["ReleaseMachine", "ViridianConfiguration"]),
        room("Integrations", ["HTTPTransport", "ReleaseMachine", "ViridianConfiguration", crypto, logging]),
        room("Workloads", ["Controller", "Kubernetes", "ReleaseMachine", "ViridianConfiguration"]),
        room(
            "Scaffold",
            ["Kubernetes", "Nginx", "ReleaseMachine", "TextTemplates", "ViridianConfiguration"],
            excluding: ["README.md"],
            resources: [.embedInCode("Templates")]
        ),
        .target(
            name: "Server",
            dependencies: [
                "Controller", "Integrations", "Journal", "ReleaseMachine", "ViridianConfiguration", crypto, httpTypes,
                hummingbird,
                hummingbirdTLS, lifecycle, logging, mustache, nioConcurrency, nioCore, nioHTTP1, nioPosix, nioSSL, yams,
            ],
            resources: [.embedInCode("API/openapi.yaml"), .embedInCode("Assets"), .embedInCode("Pages/Templates")],
            swiftSettings: settings
        ),
        room(
            "Sandbox",
            [
                "Kubernetes", "Processes", asn1, crypto, hummingbird, hummingbirdTLS, httpTypes, logging,
                nioConcurrency, nioCore, nioHTTP1, nioPosix, nioSSL, unixSignals, x509,
            ],
            excluding: ["README.md"],
            resources: [.embedInCode("Kubelet/enter-root.sh")]
        ),
        room(
            "Commands",
            [
                "AWS", "BuildRecord", "Controller", "Fleet", "HTTPTransport", "Integrations", "Journal",
                "JournalPostgreSQL", "JournalSQLite", "Kubernetes", "Nginx", "Processes", "ReleaseMachine", "Sandbox",
                "Scaffold", "Server", "TextTemplates",
                "ViridianConfiguration",
                "Workloads", argumentParser, lifecycle, logging, unixSignals,
            ],
            resources: [.embedInCode("Demo/Templates")]
        ),
        // What `viridian version` says of the build: script/package sets it. In C, because Swift takes no values from a command line.
        .target(
            name: "BuildRecord",
            cSettings: Context.environment["VIRIDIAN_BUILD"].map { [.define("VIRIDIAN_BUILD", to: "\"\($0)\"")] } ?? []
        ),
        .executableTarget(name: "viridian", dependencies: ["Commands", argumentParser], swiftSettings: settings),

        .target(name: "Simulator", dependencies: ["ReleaseMachine"], path: "Tests/Simulator", swiftSettings: settings),
        .target(
            name: "EngineSimulator",
            dependencies: ["Controller", "ReleaseMachine", "Simulator", "ViridianConfiguration"],
            path: "Tests/EngineSimulator",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "simulate", dependencies: ["EngineSimulator", "Simulator"], path: "Tests/Simulate",
            swiftSettings: settings
        ),
        .target(
            name: "TestSupport",
            dependencies: [
                "Processes", crypto, hummingbird, httpTypes, lifecycle, logging, nioCore, nioHTTP1, nioPosix,
                nioWebSocket, yams,
            ],
            path: "Tests/TestSupport",
            exclude: ["Pipelines/declarative.groovy", "Pipelines/recording-docker.sh"],
            swiftSettings: settings
        ),
        tests("ReleaseMachine", ["Simulator"]),
        tests("ViridianConfiguration", ["ReleaseMachine"]),
        tests("Processes"),
        tests("HTTPTransport", ["TestSupport", nioCore, nioHTTP1, nioPosix, nioWebSocket]),
        tests("Kubernetes", ["HTTPTransport", "Processes", "TestSupport"]),
        tests("AWS", ["HTTPTransport", "Processes", "TestSupport"]),
        tests("Nginx"),
        tests("Fleet", ["AWS", "Kubernetes", "Nginx", "Processes", "TestSupport"]),
        tests(
            "Scaffold", ["AWS", "Nginx", "Processes", "TestSupport", "TextTemplates", "ViridianConfiguration", yams]),
        tests(
            "Server",
            [
                "Controller", "HTTPTransport", "Integrations", "Journal", "JournalSQLite", "Processes",
                "ReleaseMachine",
                "Simulator", "TestSupport", "ViridianConfiguration", grdb, hummingbird, logging, nioCore, nioPosix,
            ]
        ),
        tests(
            "Integrations",
            [
                "HTTPTransport", "Processes", "ReleaseMachine", "Simulator", "TestSupport", "ViridianConfiguration",
                crypto, logging,
            ]
        ),
        tests("Journal", ["JournalPostgreSQL", "JournalSQLite", "ReleaseMachine", "TestSupport", grdb]),
        tests("Controller", ["EngineSimulator", "ReleaseMachine", "ViridianConfiguration"]),
        tests(
            "Workloads",
            ["Controller", "Kubernetes", "ReleaseMachine", "Sandbox", "TestSupport", "ViridianConfiguration"]),
        tests("Sandbox", ["Kubernetes", "Processes", "TestSupport", logging, nioCore, nioPosix]),
        tests(
            "Commands",
            [
                "Controller", "Fleet", "Kubernetes", "Nginx", "ReleaseMachine", "Scaffold", "ViridianConfiguration",
                "Workloads", argumentParser,
            ]),
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "viridian", "Fleet", "HTTPTransport", "Kubernetes", "Nginx", "Processes", "Sandbox", "TestSupport",
            ],
            swiftSettings: settings
        ),
    ]
)
