import Foundation
import ViridianConfiguration

/// A build that ends as its release does: image built, tested and pushed, Viridian told, and waited for what comes of it.
enum Pipelines {
    static func jenkins(_ app: AppConfiguration, server: ServerConfiguration) -> RenderedFile {
        let release = ReleaseScript(
            app: app, server: server, token: "TOKEN", key: "jenkins-$BUILD_NUMBER-$VERSION", reason: "$BUILD_URL",
            commitTime: "$(git log -1 --format=%cI)")
        // In Groovy's ''' a backslash is written as two.
        let script = release.lines.map { "                    " + $0.replacing("\\", with: "\\\\") }
            .joined(separator: "\n")
        let branch = "when { anyOf { branch 'dev'; expression { env.GIT_BRANCH == 'origin/dev' } } }"
        return RenderedFile(
            path: "\(app.name)/Jenkinsfile",
            text: """
                // Needs two credentials: `viridian-token` (secret text), from viridian token create --role deployer --app \(app.name),
                // and `registry` (user name and password); where the registry asks nobody who they are, take the login out.
                pipeline {
                    agent any
                    options {
                        disableConcurrentBuilds()
                        // With the pause for verification, where the release makes one.
                        timeout(time: \(hours(app)), unit: 'HOURS')
                    }
                    environment {
                        IMAGE = '\(app.image)'
                        // What tests the app inside of its image, such as vendor/bin/phpunit.
                        TESTS = 'true'
                    }
                    stages {
                        stage('Version') {
                            steps {
                                // Once: what stands under `environment` is computed anew wherever it is read, and two clocks make two versions.
                                script { env.VERSION = sh(script: 'date -u +%Y%m%d.%H%M%S', returnStdout: true).trim() }
                            }
                        }
                        stage('Build') {
                            steps { sh 'docker build -t "$IMAGE:$VERSION" .' }
                        }
                        stage('Test') {
                            steps { sh 'docker run --rm "$IMAGE:$VERSION" sh -c "$TESTS"' }
                        }
                        // A multibranch job knows its branch; a plain one has only what Git says.
                        stage('Push') {
                            \(branch)
                            steps {
                                withCredentials([usernamePassword(credentialsId: 'registry', usernameVariable: 'REGISTRY_USER', passwordVariable: 'REGISTRY_PASSWORD')]) {
                                    sh 'printf %s "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USER" --password-stdin \(registry(app))'
                                }
                                sh 'docker push "$IMAGE:$VERSION"'
                            }
                        }
                        stage('Release') {
                            \(branch)
                            steps {
                                withCredentials([string(credentialsId: 'viridian-token', variable: 'TOKEN')]) {
                                    sh '''
                \(script)
                                    '''
                                }
                            }
                        }
                    }
                }

                """)
    }

    static func gitlab(_ app: AppConfiguration, server: ServerConfiguration) -> RenderedFile {
        let release = ReleaseScript(
            app: app, server: server, token: "VIRIDIAN_TOKEN", key: "gitlab-$CI_JOB_ID", reason: "$CI_PIPELINE_URL",
            commitTime: "$CI_COMMIT_TIMESTAMP")
        return RenderedFile(
            path: "\(app.name)/.gitlab-ci.yml",
            text: """
                # Needs a masked variable VIRIDIAN_TOKEN, from viridian token create --role deployer --app \(app.name), and where the
                # registry asks who comes, REGISTRY_USER and REGISTRY_PASSWORD. The build needs a runner that lets Docker run (privileged).
                stages: [build, release]

                variables:
                  IMAGE: \(yaml("\(app.image)"))
                  # What tests the app inside of its image, such as vendor/bin/phpunit.
                  TESTS: "true"

                build:
                  stage: build
                  image: docker:27
                  services: [docker:27-dind]
                  rules:
                    - if: $CI_COMMIT_BRANCH == "dev"
                  script:
                    - export VERSION=$(date -u +%Y%m%d.%H%M%S)
                    - docker build -t "$IMAGE:$VERSION" .
                    - docker run --rm "$IMAGE:$VERSION" sh -c "$TESTS"
                    - |
                      if [ -n "${REGISTRY_USER:-}" ]; then
                        printf %s "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USER" --password-stdin \(registry(app))
                      fi
                    - docker push "$IMAGE:$VERSION"
                    - echo "VERSION=$VERSION" > version.env
                  artifacts:
                    reports:
                      dotenv: version.env

                release:
                  stage: release
                  image: curlimages/curl:8.11.1
                  rules:
                    - if: $CI_COMMIT_BRANCH == "dev"
                  # One release of the app at a time; the next one waits here.
                  resource_group: \(yaml(app.name.text))
                  environment:
                    name: production
                  # With the pause for verification, where the release makes one.
                  timeout: \(hours(app)) hours
                  script:
                    - |
                \(release.lines.map { "      " + $0 }.joined(separator: "\n"))

                """)
    }

    /// The host of the app's registry.
    private static func registry(_ app: AppConfiguration) -> String {
        let first = "\(app.image)".prefix { $0 != "/" }
        return first.contains(".") || first.contains(":") || first == "localhost" ? String(first) : "docker.io"
    }

    /// What build and release may take: as long as the pause may last, and two hours.
    private static func hours(_ app: AppConfiguration) -> Int64 {
        (app.verify.timeout.components.seconds + 3599) / 3600 + 2
    }
}

/// The shell of a pipeline that starts a release and ends as it does: with 0 when the version is live, and not otherwise.
///
/// Of a POSIX shell, `curl` and `sed`, which every machine that builds has; of names of variables that the pipeline sets.
struct ReleaseScript {
    var app: AppConfiguration
    var server: ServerConfiguration
    /// The variable that holds the token.
    var token: String
    /// Of this attempt: the same key again answers with the release that it began.
    var key: String
    var reason: String
    var commitTime: String

    private var base: String { server.url?.absoluteString ?? "http://\(server.listen)" }

    var lines: [String] {
        let name = app.name.text
        return """
            set +x
            api=\(base)/api/v1/apps/\(name)/releases
            # The token goes in by standard input, so that no process list shows it.
            ask() { printf 'header = "Authorization: Bearer %s"\\n' "$\(token)" | curl -sS -K - "$@"; }
            order=$(printf '{"version": "%s", "reason": "%s", "commitTime": "%s"}' "$VERSION" "\(reason)" "\(commitTime)")
            answer=$(ask -i -H 'Content-Type: application/json' -H "Idempotency-Key: \(key)" -d "$order" "$api")
            number=$(printf '%s\\n' "$answer" | sed -n 's|^[Ll]ocation: .*/releases/\\([0-9][0-9]*\\).*|\\1|p')
            if [ -z "$number" ]; then printf '%s\\n' "$answer"; exit 1; fi
            echo "\(name)/$number is on its way: \(base)/apps/\(name)/releases/$number"
            # The release's stream of events ends with its outcome. A connection that breaks is made again.
            tries=0
            while
              state=$(ask -N -f -H 'Accept: text/event-stream' "$api/$number/events?after=999999" | sed -n 's/^data: {"state":"\\([A-Za-z]*\\)"}.*/\\1/p')
              [ -z "$state" ]
            do
              tries=$((tries + 1))
              if [ "$tries" -ge 120 ]; then echo "the server does not tell what became of \(name)/$number"; exit 1; fi
              sleep 5
            done
            echo "\(name)/$number: $state"
            case $state in live|superseded) ;; *) exit 1 ;; esac
            """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}
