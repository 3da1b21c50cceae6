/// What an image says about the containers that run it, after the "config" of an OCI image configuration
/// (https://github.com/opencontainers/image-spec/blob/main/config.md).
package struct ContainerImage: Sendable, Equatable {
    /// `ENTRYPOINT`. A container's `command` replaces it and `arguments`.
    package var command: [String]
    /// `CMD`. A container's `args` replace it.
    package var arguments: [String] = []
    package var environment: [String: String] = [:]
    /// `nil`: the root directory.
    package var workingDirectory: String?
    /// `USER`: a name or a number, with or without a group: `www-data`, `33:33`. `nil`: root.
    package var user: String?
    /// The signal that asks the program to stop; `nil`: SIGTERM.
    package var stopSignal: Int32?
    package var files: ImageFiles = .thisMachine
}

/// The files that a container sees.
package enum ImageFiles: Sendable, Equatable {
    /// Those of this machine, with the rights of the user who runs the sandbox, whatever user the container is to have.
    case thisMachine
    /// Those of this machine, with each folder in `folder`, if there is one, over the machine's of the same name.
    case overThisMachine(folder: String?)
    /// Those of the image alone, which are in this directory.
    case ownRoot(String)
}
