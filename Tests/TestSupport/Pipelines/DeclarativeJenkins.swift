import Foundation

/// The program in Groovy that runs a declarative Jenkinsfile outside of Jenkins: `declarative.groovy`.
package enum DeclarativeJenkins {
    package static let path = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "declarative.groovy").path
}
