import Foundation
import ViridianConfiguration

/// A build that ends with a release: image built, pushed, and Viridian told.
enum Pipelines {
    private static func url(_ server: ServerConfiguration, _ app: AppConfiguration) -> String {
        let base = server.url?.absoluteString ?? "http://\(server.listen)"
        return "\(base)/api/v1/apps/\(app.name)/releases"
    }

    static func jenkins(_ app: AppConfiguration, server: ServerConfiguration) -> RenderedFile {
        RenderedFile(
            path: "\(app.name)/Jenkinsfile",
            text: """
                // Needs a credential `viridian-token` (secret text): viridian token create --role deployer --app \(app.name)
                pipeline {
                    agent any
                    options { disableConcurrentBuilds() }
                    environment {
                        VERSION = sh(script: 'date -u +%Y%m%d.%H%M%S', returnStdout: true).trim()
                        IMAGE = "\(app.image):${VERSION}"
                    }
                    stages {
                        stage('Build') {
                            steps { sh 'docker build -t "$IMAGE" .' }
                        }
                        stage('Push') {
                            when { branch 'dev' }
                            steps { sh 'docker push "$IMAGE"' }
                        }
                        stage('Release') {
                            when { branch 'dev' }
                            steps {
                                withCredentials([string(credentialsId: 'viridian-token', variable: 'TOKEN')]) {
                                    // The token goes in by standard input, so that no process list shows it.
                                    sh '''printf 'header = "Authorization: Bearer %s"\\n' "$TOKEN" | curl -fsS -K - \\
                                        -H 'Content-Type: application/json' -H "Idempotency-Key: $BUILD_TAG" \\
                                        -d "{\\\\"version\\\\": \\\\"$VERSION\\\\", \\\\"reason\\\\": \\\\"$BUILD_URL\\\\"}" \\
                                        \(url(server, app))'''
                                }
                            }
                        }
                    }
                }

                """)
    }

    static func gitlab(_ app: AppConfiguration, server: ServerConfiguration) -> RenderedFile {
        RenderedFile(
            path: "\(app.name)/.gitlab-ci.yml",
            text: """
                # Needs a masked variable VIRIDIAN_TOKEN: viridian token create --role deployer --app \(app.name)
                stages: [build, release]

                variables:
                  IMAGE: \(yaml("\(app.image)"))

                build:
                  stage: build
                  rules:
                    - if: $CI_COMMIT_BRANCH == "dev"
                  script:
                    - export VERSION=$(date -u +%Y%m%d.%H%M%S)
                    - docker build -t "$IMAGE:$VERSION" .
                    - docker push "$IMAGE:$VERSION"
                    - echo "VERSION=$VERSION" > version.env
                  artifacts:
                    reports:
                      dotenv: version.env

                release:
                  stage: release
                  rules:
                    - if: $CI_COMMIT_BRANCH == "dev"
                  script:
                    # The token goes in by standard input, so that no process list shows it.
                    - |
                      printf 'header = "Authorization: Bearer %s"\\n' "$VIRIDIAN_TOKEN" | curl -fsS -K - \\
                        -H 'Content-Type: application/json' -H "Idempotency-Key: gitlab-$CI_PIPELINE_ID" \\
                        -d "{\\"version\\": \\"$VERSION\\", \\"reason\\": \\"$CI_PIPELINE_URL\\"}" \\
                        \(url(server, app))

                """)
    }
}
