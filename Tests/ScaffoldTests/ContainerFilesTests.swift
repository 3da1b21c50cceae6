import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

@Suite("containers")
struct ContainerFilesTests {
    private func files(
        _ what: Rendering, _ apps: [AppConfiguration], hasRedis: Bool = true
    ) throws -> [String: String] {
        let files = try what.files(configuration(apps), apps: apps, options: .init(hasRedis: hasRedis))
        return Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.text) })
    }

    @Test("an image of PHP is not root's, keeps sources in the last layers, and ends when its requests are done")
    func php() throws {
        let written = try files(.dockerfile, [try blog()])
        #expect(written.keys.sorted() == [".dockerignore", "Dockerfile", "php-fpm.conf"])
        #expect(
            lines(try #require(written["Dockerfile"])) == [
                "ARG BASE=php:8.3-fpm", "FROM ${BASE}",
                #"RUN cp "$PHP_INI_DIR/php.ini-production" "$PHP_INI_DIR/php.ini""#,
                "WORKDIR /code", "COPY . .", "USER 33:33", "ENV LISTEN_ADDRESS=0.0.0.0", "EXPOSE 9000",
                "STOPSIGNAL SIGQUIT", #"CMD ["php-fpm", "--nodaemonize", "--fpm-config", "/code/php-fpm.conf"]"#,
            ])
        let pool = lines(try #require(written["php-fpm.conf"]))
        #expect(pool.contains("listen = ${LISTEN_ADDRESS}:9000"))
        #expect(pool.contains("ping.path = /ping") && pool.contains("clear_env = no"))
    }

    @Test("an image of an HTTP app is not root's unless its port is, and its program gets the signal")
    func http() throws {
        let written = try files(.dockerfile, [try www()])
        #expect(written.keys.sorted() == [".dockerignore", "Dockerfile"])
        #expect(
            lines(try #require(written["Dockerfile"])) == [
                "ARG BASE=debian:trixie-slim", "FROM ${BASE}", "WORKDIR /code", "COPY . .", "USER 10001:10001",
                "ENV LISTEN_ADDRESS=0.0.0.0 PORT=8080", "EXPOSE 8080", "STOPSIGNAL SIGTERM", #"CMD ["/code/start"]"#,
            ])
        let privileged = try files(.dockerfile, [try www { $0.ports.container = 80 }])
        #expect(privileged["Dockerfile"]?.contains("USER") == false)
        #expect(privileged["Dockerfile"]?.contains("PORT=80\n") == true)
    }

    @Test("several apps each have the files in their own folder")
    func folders() throws {
        let written = try files(.dockerfile, [try blog(), try www()])
        #expect(
            written.keys.sorted() == [
                "blog/.dockerignore", "blog/Dockerfile", "blog/php-fpm.conf", "www/.dockerignore", "www/Dockerfile",
            ])
        #expect(try files(.compose, [try blog(), try www()])["compose.yaml"]?.contains("- ./www:/code\n") == true)
    }

    @Test("a browser asks an HTTP app itself, and a FastCGI app through nginx with the virtual host of production")
    func nginx() throws {
        let direct = try files(.compose, [try www()])
        #expect(direct.keys.sorted() == ["compose.yaml"])
        #expect(direct["compose.yaml"]?.contains("- \"127.0.0.1:30010:8080\"\n") == true)
        let app = try blog {
            $0.preview = "preview.blog.domain.com"
            $0.postDeploy = .init(command: "/sbin/deploy-blog")
        }
        let written = try files(.compose, [app])
        let compose = try #require(written["compose.yaml"])
        #expect(compose.contains("- \"127.0.0.1:30000:30000\"\n") && !compose.contains(":9000\"\n"))
        #expect(compose.contains("- ./public:/srv/blog/current/public:ro\n"))
        let folder = "compose/nginx/"
        let names = [
            "backends.d/blog.conf", "conf.d/00-viridian.conf", "conf.d/blog.conf", "conf.d/load-balancer.conf",
        ]
        #expect(written.keys.sorted() == ["compose.yaml"] + names.map { folder + $0 })
        // There is one colour on a developer's machine, and no preview of the other.
        let production = try files(.nginx, [try blog { $0.postDeploy = app.postDeploy }])
        let host = try #require(production["etc/nginx/conf.d/blog.conf"])
        let other = host.replacing("APPLICATION_ENV production;", with: "APPLICATION_ENV development;")
        #expect(host != other && written[folder + "conf.d/blog.conf"] == other)
        #expect(
            written[folder + "backends.d/blog.conf"]?.contains("upstream blogLB {\n    server blog:9000;\n}\n") == true)
        let balancer = try #require(written[folder + "conf.d/load-balancer.conf"])
        #expect(balancer.contains("listen 30000;") && balancer.contains("proxy_set_header Host blog.domain.com;"))
    }

    @Test("the sources are mounted for developers, and not where the image is tested")
    func sources() throws {
        let compose = try #require(try files(.compose, [try blog()])["compose.yaml"])
        #expect(compose.components(separatedBy: "image: \"registry.local:5000/blog:${VERSION:-dev}\"").count == 3)
        #expect(compose.components(separatedBy: "- .:/code").count == 2)
        #expect(compose.contains("  blog-test:\n    profiles: [test]\n"))
    }

    @Test("redis is there unless it is not wanted")
    func redis() throws {
        for app in [try blog(), try www()] {
            #expect(try files(.compose, [app])["compose.yaml"]?.contains("\n  redis:\n") == true)
            let without = try #require(try files(.compose, [app], hasRedis: false)["compose.yaml"])
            #expect(!lines(without).contains { $0.contains("redis") })
        }
    }

    @Test("two services of one name are refused")
    func names() throws {
        let redis = try www { $0.name = try AppName("redis") }
        let refused = #expect(throws: ScaffoldError.self) { try files(.compose, [redis]) }
        #expect(refused?.description.contains("two services called redis") == true)
        #expect(refused?.description.contains("--no-redis") == true)
        #expect(try files(.compose, [redis], hasRedis: false).count == 1)
        let test = try www { $0.name = try AppName("blog-test") }
        #expect(throws: ScaffoldError.self) { try files(.compose, [try blog(), test]) }
    }

    @Test("docker-compose reads the file", .needs("docker-compose"))
    func read() async throws {
        let php = try blog { $0.artifact = .init(from: "s3://deploy/blog/{version}.tgz", to: "/srv/blog") }
        for (apps, names) in [
            ([php], "blog blog-test nginx redis"), ([try www()], "redis www www-test"),
            ([php, try www()], "blog blog-test nginx redis www www-test"),
        ] {
            try await withFolder { folder in
                // Their Dockerfiles make the folders of several apps.
                let written = try files(.compose, apps).merging(files(.dockerfile, apps)) { text, _ in text }
                for (path, text) in written {
                    let file = URL(filePath: folder + "/" + path)
                    try FileManager.default.createDirectory(
                        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                    try Data(text.utf8).write(to: file)
                }
                let done = try await Command(
                    "docker-compose", ["--file", "compose.yaml", "config", "--services"], workingDirectory: folder
                ).run(deadline: .seconds(600))
                #expect(done.succeeded && done.error.isEmpty, "\(done)")
                let listed = done.output.split(separator: "\n").sorted().joined(separator: " ")
                #expect(listed == names, "\(done)")
            }
        }
    }
}
