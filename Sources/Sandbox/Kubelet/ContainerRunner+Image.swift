import Kubernetes

/// Preparation of a container: pulls the image, then reads the configuration.
extension ContainerRunner {
    /// - Returns: `nil` when the pod is stopping.
    func prepare() async -> ContainerProgram? {
        guard let image = await pull() else { return nil }
        while !pod.stopping.isSet, !Task.isCancelled {
            do {
                return try await program(image)
            } catch {
                let message = (error as? ContainerConfigError)?.message ?? "\(error)"
                await update { $0.phase = .waiting(reason: "CreateContainerConfigError", message: message) }
                await record(.warning, "Failed", "Error: \(message)")
                await pod.stopping.wait(atMost: services.backoff.pull)
            }
        }
        return nil
    }

    private func pull() async -> ContainerImage? {
        guard let reference = ImageName(image) else {
            let message =
                "Failed to apply default image tag \"\(image)\": couldn't parse image name \"\(image)\": "
                + "invalid reference format"
            await update { $0.phase = .waiting(reason: "InvalidImageName", message: message) }
            await record(.warning, "InspectFailed", message)
            await record(.warning, "Failed", "Error: InvalidImageName")
            await pod.stopping.wait()
            return nil
        }
        var delays = Backoff(services.backoff.pull, limit: services.backoff.pullLimit)
        var failures = 0
        while !pod.stopping.isSet, !Task.isCancelled {
            let problem: String
            switch services.images[image] {
            case .image(let found):
                await record(.normal, "Pulled", "Container image \"\(image)\" already present on machine")
                return found
            case .transient(let expected, let command):
                if failures >= expected {
                    await record(.normal, "Pulled", "Successfully pulled image \"\(image)\"")
                    return ContainerImage(command: command)
                }
                problem =
                    "rpc error: code = DeadlineExceeded desc = failed to pull and unpack image \"\(reference)\": "
                    + "failed to resolve reference \"\(reference)\": failed to do request: Head "
                    + "\"https://\(reference.domain)/v2/\(reference.path)/manifests/\(reference.tag ?? "")\": "
                    + "dial tcp: i/o timeout"
            case .notFound:
                problem =
                    "rpc error: code = NotFound desc = failed to pull and unpack image \"\(reference)\": "
                    + "failed to resolve reference \"\(reference)\": \(reference): not found"
            case .unreadable(let reason):
                problem =
                    "rpc error: code = InvalidArgument desc = failed to pull and unpack image \"\(reference)\": \(reason)"
            }
            failures += 1
            await fail(problem, delays.next())
        }
        return nil
    }

    private func fail(_ problem: String, _ delay: Duration) async {
        await record(.normal, "Pulling", "Pulling image \"\(image)\"")
        await record(.warning, "Failed", "Failed to pull image \"\(image)\": \(problem)")
        await record(.warning, "Failed", "Error: ErrImagePull")
        await update { $0.phase = .waiting(reason: "ErrImagePull", message: problem) }
        // The kubelet shows the error until its next sync of the pod, and the back-off from then on.
        guard await !pod.stopping.wait(atMost: delay / 4) else { return }
        await update { $0.phase = .waiting(reason: "ImagePullBackOff", message: "Back-off pulling image \"\(image)\"") }
        await record(.normal, "BackOff", "Back-off pulling image \"\(image)\"")
        await record(.warning, "Failed", "Error: ImagePullBackOff")
        await pod.stopping.wait(atMost: delay * 3 / 4)
    }
}
