import Foundation
import Processes
import TestSupport
import Testing

extension Releases {
    /// What `render dockerfile` and `render compose` write, run by a real Docker, as developers do it.
    @Suite(
        "containers by Docker", .needs("dockerd", "docker", "docker-compose", "ip", "nsenter", "curl"),
        .needsContainerEngine)
    struct ContainerTests {
        @Test(
            "a PHP app runs behind nginx as in production, an edit shows at once, and a request is finished when its container ends",
            .needs("nginx", "redis-server"), .enabled(if: PHPFPM.program != nil, "no php-fpm on this machine"))
        func php() async throws {
            try await inAnEmptyFolder { viridian in
                try await Self.scaffold(viridian, app: "blog")
                let folder = viridian.directory + "/blog"
                try FileManager.default.copyItem(
                    atPath: RepositoryFile.path("Tests/Containers/php/public"), toPath: folder + "/public")
                try await ContainerEngine.withRunning(baseImages: ["php", "redis", "nginx"]) { docker in
                    try await docker.compose(in: folder, "up", "--build", "--detach")
                    func get(_ path: String) async throws -> String? {
                        try await docker.fetch("http://127.0.0.1:30000" + path)
                    }
                    #expect(try await eventually { try await get("/")?.hasPrefix("v1") == true })

                    let first = try await get("/articles/1")
                    #expect(
                        first?.hasPrefix("v1 development on blog.domain.com uid 33 visit :") == true,
                        "\(first ?? "none")")
                    #expect(try await get("/style.css") == "body { color: green }\n")
                    let login = try await docker.fetch("http://127.0.0.1:30000/login", options: ["--head"])
                    #expect(
                        login?.contains("Location: http://127.0.0.1:30000/welcome\r\n") == true, "\(login ?? "none")")

                    let source = folder + "/public/index.php"
                    let text = try String(contentsOfFile: source, encoding: .utf8)
                    try Data(text.replacing("'v1 '", with: "'v2 '").utf8).write(to: URL(filePath: source))
                    let edited = try await get("/")
                    #expect(edited?.hasPrefix("v2 ") == true, "\(edited ?? "none")")

                    // The image has the sources of its build, and nothing that is not the app's.
                    let tested = try await docker.compose(
                        in: folder, "run", "--rm", "-T", "blog-test", "sh", "-c",
                        "id -u; grep -o \"'v[12] '\" public/index.php; ls; echo $APPLICATION_ENV")
                    #expect(tested == "33\n'v1 '\nphp-fpm.conf\npublic\ntesting\n")

                    func container(_ service: String) async throws -> String {
                        try await docker.compose(in: folder, "ps", "--quiet", service).trimmingCharacters(in: .newlines)
                    }
                    let (php, redis) = (try await container("blog"), try await container("redis"))
                    async let long = get("/long")
                    #expect(try await eventually { try await get("/long/state") == ":1\n" })
                    async let stopped = docker.compose(in: folder, "stop", "blog")
                    // php-fpm was told: of its workers only the one is left that is busy.
                    #expect(
                        try await eventually {
                            let processes = try await docker.docker("top", php, "-o", "pid,args")
                            return processes.split(separator: "\n").filter { $0.contains("pool www") }.count == 1
                        })
                    try await docker.docker("exec", redis, "redis-cli", "SET", "go", "1")
                    #expect(try await long == "finished\n")
                    _ = try await stopped

                    try await docker.compose(in: folder, "down")
                    #expect(try await Self.leftovers(docker) == [])
                }
            }
        }

        @Test(
            "the example www is developed in its container, tested in its image, and the image is released on the sandbox",
            .needs("nginx", "redis-server", "kubectl"), .needsWheels)
        func www() async throws {
            try await inAnEmptyFolder { viridian in
                let folder = viridian.directory + "/www"
                try FileManager.default.copyItem(atPath: RepositoryFile.path("Examples/www"), toPath: folder)
                let images = viridian.directory + "/images"
                // Called as the one folder of an image that is the container's.
                try FileManager.default.createDirectory(atPath: folder + "/dev", withIntermediateDirectories: true)
                try Data("seeds\n".utf8).write(to: URL(filePath: folder + "/dev/seeds.txt"))
                try await ContainerEngine.withRunning(baseImages: ["python", "redis"]) { docker in
                    try await docker.compose(in: folder, "up", "--build", "--detach")
                    func get() async throws -> String? { try await docker.fetch("http://127.0.0.1:30010/") }
                    #expect(try await eventually { try await get()?.contains("has had <b id=\"visits\">") == true })
                    let page = folder + "/www/page.html"
                    let text = try String(contentsOfFile: page, encoding: .utf8)
                    try Data(text.replacing("<h1>Hello</h1>", with: "<h1>Good day</h1>").utf8).write(
                        to: URL(filePath: page))
                    let edited = try await get()
                    #expect(edited?.contains("<h1>Good day</h1>") == true, "\(edited ?? "none")")
                    // With the tests that need redis; unittest speaks on standard error.
                    let tested = try await docker.compose(
                        in: folder, "run", "--rm", "-T", "www-test", "sh", "-c", "python -m unittest 2>&1")
                    #expect(tested.contains("\nOK\n"), "\(tested)")
                    try await docker.compose(in: folder, "down")
                    #expect(try await Self.leftovers(docker) == [])

                    for version in ["v1", "v2"] {
                        let image = "registry.local:5000/www:" + version
                        try await docker.docker("build", "--quiet", "--tag", image, folder)
                        try await docker.succeeding(RepositoryFile.path("script/unpack-image"), [image, images])
                        try Data(text.utf8).write(to: URL(filePath: page))
                        let root = "\(images)/\(image)/rootfs"
                        #expect(FileManager.default.fileExists(atPath: root + "/code/dev/seeds.txt"))
                        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/dev") == [])
                    }
                }
                try await Self.release(example: "www", from: images, viridian) { site in
                    let v1 = try await viridian("deploy", "www", "--version", "v1")
                    #expect(v1.status == 0, "\(v1)")
                    let first = try await fetch(site)
                    #expect(first.contains("Good day") && first.contains("version <b>v1</b>"), "\(first)")
                    let v2 = try await viridian("deploy", "www", "--version", "v2")
                    #expect(v2.status == 0, "\(v2)")
                    let second = try await fetch(site)
                    #expect(second.contains("Hello") && second.contains("version <b>v2</b>"), "\(second)")
                    #expect(second.contains("class=\"green\""), "\(second)")
                }
            }
        }

        /// The rendered files of an app in a folder of its own, as for the article's installation.
        private static func scaffold(_ viridian: Program, app: String) async throws {
            let configuration = RepositoryFile.path("Tests/Rendered/viridian.yaml")
            for what in ["dockerfile", "compose"] {
                let said = try await viridian("render", what, app, "--into", app, "--config", configuration)
                try #require(said.status == 0, "\(said)")
            }
        }

        /// What is there of containers, networks and volumes beyond what Docker itself brings.
        private static func leftovers(_ docker: ContainerEngine) async throws -> [String] {
            let containers = try await docker.docker("ps", "--all", "--format", "{{.Names}}")
            let networks = try await docker.docker("network", "ls", "--format", "{{.Name}}")
            let volumes = try await docker.docker("volume", "ls", "--format", "{{.Name}}")
            return (containers + networks + volumes).split(separator: "\n").map(String.init)
                .filter { !["bridge", "host", "none"].contains($0) }
        }
    }
}
