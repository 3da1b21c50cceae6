import ViridianConfiguration

/// How an app runs in a container, the same on a developer's machine and in the cluster.
enum Containers {
    static func compose(_ apps: [AppConfiguration]) -> RenderedFile {
        let services = apps.map { app in
            """
              \(yaml(app.name.text)):
                build: \(apps.count == 1 ? "." : "./\(app.name)")
                image: \(yaml("\(app.image):dev"))
                ports:
                  - "127.0.0.1:\(app.ports.blue):\(app.ports.container)"
                volumes:
                  - \(apps.count == 1 ? "." : "./\(app.name)"):/code
                environment:
                  APPLICATION_ENV: development
                depends_on:
                  - redis

            """
        }.joined()
        return RenderedFile(
            path: "docker-compose.yml",
            text: """
                services:
                \(services)\
                  # As in the app's namespace in the cluster: tcp://redis:6379
                  redis:
                    image: redis:7-alpine

                """)
    }

    static func dockerfile(_ app: AppConfiguration) -> RenderedFile {
        let text =
            app.protocol == .fastcgi
            ? """
            FROM php:8.3-fpm
            COPY . /code
            WORKDIR /code
            # Answers the probe that is made on every node before traffic moves.
            RUN echo 'ping.path = /ping' >> /usr/local/etc/php-fpm.d/zz-docker.conf
            # php-fpm finishes the requests that it has before it stops.
            STOPSIGNAL SIGQUIT
            EXPOSE \(app.ports.container)

            """
            : """
            FROM debian:stable-slim
            COPY . /code
            WORKDIR /code
            EXPOSE \(app.ports.container)
            # The exec form, so that the program itself gets SIGTERM and can finish the requests that it has.
            CMD ["/code/start", "--port", "\(app.ports.container)"]

            """
        return RenderedFile(path: "\(app.name)/Dockerfile", text: text)
    }
}
