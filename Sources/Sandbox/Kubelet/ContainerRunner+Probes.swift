import Kubernetes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The probes of a running container.
extension ContainerRunner {
    /// The interval of probes until the first success, so that startup does not take a whole period.
    private static let startupInterval = Duration.milliseconds(100)

    /// Runs until it is cancelled when the container ends.
    func probe(_ program: ContainerProgram) async {
        let prober = Prober(address: await pod.address, program: program, process: await pod.pid(of: name))
        if let startup = ContainerProbe(.startup, of: container, in: pod.pod) {
            guard await follow(startup, prober, program, until: { $0 }, onChange: { _ in }) else { return }
        }
        guard !Task.isCancelled else { return }
        let readiness = ContainerProbe(.readiness, of: container, in: pod.pod)
        await update {
            $0.isStarted = true
            $0.isReady = readiness == nil
        }
        await withTaskGroup(of: Void.self) { group in
            if let readiness {
                group.addTask {
                    _ = await follow(readiness, prober, program, until: { _ in false }) { isReady in
                        await update { if $0.isRunning { $0.isReady = isReady } }
                    }
                }
            }
            if let liveness = ContainerProbe(.liveness, of: container, in: pod.pod) {
                group.addTask { _ = await follow(liveness, prober, program, until: { _ in false }, onChange: { _ in }) }
            }
        }
    }

    /// Probes repeatedly until `isDone(result)`, and calls `onChange` when the result changes according to the probe's
    /// thresholds. Returns the last result.
    private func follow(
        _ probe: ContainerProbe, _ prober: Prober, _ program: ContainerProgram, until isDone: @Sendable (Bool) -> Bool,
        onChange: @Sendable (Bool) async -> Void
    ) async -> Bool {
        let clock = ContinuousClock()
        try? await clock.sleep(for: probe.initialDelay)
        // A container counts as alive until its liveness probe fails.
        var result = probe.kind == .liveness
        var (successes, failures) = (0, 0)
        var nextDue = clock.now
        while !Task.isCancelled, !(probe.kind != .readiness && pod.stopping.isSet) {
            let isDue = clock.now >= nextDue
            if isDue { nextDue += probe.period }
            let failure = await prober.failure(of: probe)
            guard !Task.isCancelled else { return result }
            if let failure {
                successes = 0
                // Additional probes between two periods count only when they succeed.
                if isDue {
                    failures += 1
                    await record(.warning, "Unhealthy", "\(probe.kind.rawValue) probe failed: \(failure)")
                }
                if failures >= probe.failureThreshold, isDue {
                    if result, probe.kind == .readiness { await onChange(false) }
                    result = false
                    if probe.kind != .readiness {
                        await restart(because: probe, program)
                        return false
                    }
                }
            } else {
                failures = 0
                successes += 1
                if !result, successes >= probe.successThreshold {
                    result = true
                    await onChange(true)
                }
            }
            if isDone(result) { return result }
            let probesEarly = !result && probe.initialDelay == .zero && probe.kind != .liveness
            try? await clock.sleep(until: probesEarly ? min(nextDue, clock.now + Self.startupInterval) : nextDue)
        }
        return result
    }

    /// Stops the container, so that it is restarted.
    private func restart(because probe: ContainerProbe, _ program: ContainerProgram) async {
        await record(
            .normal, "Killing",
            "Container \(name) failed \(probe.kind.rawValue.lowercased()) probe, will be restarted")
        await update { $0.isReady = false }
        await stop(program)
        let grace = pod.pod[at: "spec.terminationGracePeriodSeconds"]?.integer ?? 30
        guard (try? await Task.sleep(for: .bounded(seconds: grace))) != nil else { return }
        await pod.signal(name, SIGKILL, toAll: true)
    }
}

extension ContainerProbe {
    /// A pre-stop hook, executed like a probe.
    init?(hook: JSON, of container: JSON) {
        self.init(.liveness, of: ["livenessProbe": hook, "ports": container["ports"] ?? []], in: [:])
        timeout = .seconds(30)
    }
}
