import Foundation
import Kubernetes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The program of a container: command line, environment, working directory.
struct ContainerProgram: Sendable {
    var commandLine: [String]
    var environment: [String: String]
    var workingDirectory: String
    var root: ContainerRoot
    /// The signal that asks it to stop.
    var stopSignal: Int32
    /// Why it cannot be started, in the container runtime's format.
    var problem: String?
}

/// Configuration that a container needs is missing.
struct ContainerConfigError: Error {
    var message: String
}

extension ContainerRunner {
    /// The program of the container with its image.
    func program(_ image: ContainerImage) async throws -> ContainerProgram {
        let user = try ContainerUser(image, container: container, pod: pod.pod)
        let root = ContainerRoot(files: image.files, user: user)
        var environment = Self.environment(root)
        environment["HOSTNAME"] = pod.key.name
        environment["SANDBOX_POD_IP"] = await pod.address
        environment.merge(image.environment) { $1 }
        for source in container["envFrom"]?.array ?? [] {
            let prefix = source["prefix"]?.string ?? ""
            for (key, value) in try await values(of: source) { environment[prefix + key] = value }
        }
        for variable in container["env"]?.array ?? [] {
            guard let name = variable["name"]?.string else { continue }
            if let source = variable["valueFrom"], source.object != nil {
                if let value = try await value(from: source) { environment[name] = value }
            } else {
                environment[name] = Self.expand(variable["value"]?.string ?? "", environment)
            }
        }
        let command = (container["command"]?.array ?? []).compactMap(\.string)
        let arguments = (container["args"]?.array ?? []).compactMap(\.string)
        let commandLine =
            command.isEmpty
            ? image.command + (arguments.isEmpty ? image.arguments : arguments) : command + arguments
        let directory = container["workingDir"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? image.workingDirectory
        var program = ContainerProgram(
            commandLine: commandLine.map { Self.expand($0, environment) }, environment: environment,
            workingDirectory: directory ?? "/", root: root, stopSignal: image.stopSignal ?? SIGTERM)
        program.problem = Self.problem(of: program)
        return program
    }

    /// What a container's environment has before the image and the pod add to it.
    private static func environment(_ root: ContainerRoot) -> [String: String] {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        guard root.files == .thisMachine else { return ["PATH": path, "HOME": root.user.home] }
        let own = ProcessInfo.processInfo.environment
        return ["PATH": own["PATH"] ?? path, "HOME": own["HOME"] ?? "/"]
    }

    private static func problem(of program: ContainerProgram) -> String? {
        guard let name = program.commandLine.first else { return "no command specified" }
        let files = program.root.files
        var isDirectory: ObjCBool = false
        if let place = files.find(program.workingDirectory) {
            _ = FileManager.default.fileExists(atPath: place, isDirectory: &isDirectory)
            if !isDirectory.boolValue { return "mkdir \(program.workingDirectory): not a directory" }
        } else if !program.root.makesDirectories {
            return "mkdir \(program.workingDirectory): no such directory on this machine"
        }
        if name.contains("/") {
            guard let place = files.find(name.hasPrefix("/") ? name : program.workingDirectory + "/" + name) else {
                return "exec: \"\(name)\": stat \(name): no such file or directory"
            }
            return FileManager.default.isExecutableFile(atPath: place) ? nil : "exec: \"\(name)\": permission denied"
        }
        let directories = (program.environment["PATH"] ?? "").split(separator: ":")
        let isFound = directories.contains { directory in
            files.find("\(directory)/\(name)").map(FileManager.default.isExecutableFile(atPath:)) ?? false
        }
        return isFound ? nil : "exec: \"\(name)\": executable file not found in $PATH"
    }

    /// Expands `$(NAME)` to the variable's value and `$$` to `$`. Unknown names are kept.
    static func expand(_ text: String, _ environment: [String: String]) -> String {
        guard text.contains("$") else { return text }
        var result = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            if rest.first == "$" {
                result += "$"
                rest = rest.dropFirst()
            } else if rest.first == "(", let end = rest.firstIndex(of: ")") {
                let name = String(rest[rest.index(after: rest.startIndex)..<end])
                result += environment[name] ?? "$(\(name))"
                rest = rest[rest.index(after: end)...]
            } else {
                result += "$"
            }
        }
        return result + rest
    }

    // MARK: - Values of other objects

    private func value(from source: JSON) async throws -> String? {
        if let path = source["fieldRef"]?["fieldPath"]?.string { return try await field(path) }
        for (member, type) in [("configMapKeyRef", ResourceType.configMaps), ("secretKeyRef", .secrets)] {
            guard let reference = source[member], let key = reference["key"]?.string else { continue }
            let isOptional = reference["optional"]?.bool == true
            let name = reference["name"]?.string ?? ""
            let values = try await values(type, name, isOptional: isOptional)
            if let value = values[key] { return value }
            if isOptional { return nil }
            throw ContainerConfigError(message: "couldn't find key \(key) in \(type.kind) \(pod.key.namespace)/\(name)")
        }
        throw ContainerConfigError(message: "this valueFrom source is not supported: \(source.text)")
    }

    private func values(of source: JSON) async throws -> [String: String] {
        for (member, type) in [("configMapRef", ResourceType.configMaps), ("secretRef", .secrets)] {
            guard let reference = source[member] else { continue }
            return try await values(
                type, reference["name"]?.string ?? "", isOptional: reference["optional"]?.bool == true)
        }
        return [:]
    }

    private func values(_ type: ResourceType, _ name: String, isOptional: Bool) async throws -> [String: String] {
        let key = ObjectKey(namespace: pod.key.namespace, name: name)
        guard let object = await services.store.find(type, key) else {
            if isOptional { return [:] }
            throw ContainerConfigError(message: "\(type.singular) \"\(name)\" not found")
        }
        let data = (object["data"]?.object ?? [:]).compactMapValues(\.string)
        guard type == .secrets else { return data }
        return data.mapValues { String(decoding: Data(base64Encoded: $0) ?? Data(), as: UTF8.self) }
    }

    private func field(_ path: String) async throws -> String {
        for (prefix, values) in [
            ("metadata.labels['", pod.pod.meta.labels), ("metadata.annotations['", pod.pod.meta.annotations),
        ]
        where path.hasPrefix(prefix) && path.hasSuffix("']") {
            return values[String(path.dropFirst(prefix.count).dropLast(2))] ?? ""
        }
        switch path {
        case "status.podIP", "status.podIPs": return await pod.address
        case "status.hostIP": return "127.0.0.1"
        case "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName":
            return pod.pod[at: path]?.string ?? ""
        default: throw ContainerConfigError(message: "unsupported fieldPath: \(path)")
        }
    }
}
