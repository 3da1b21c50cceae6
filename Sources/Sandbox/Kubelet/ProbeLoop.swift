import Kubernetes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The probes of a running container.
extension ContainerRunner {
    /// How often a container is probed until it first succeeds, so that nothing waits for a whole period.
    private static let quick = Duration.milliseconds(100)

    /// Runs until cancelled, which is when the container ends.
    func probe(_ program: ContainerProgram) async {
        let prober = Prober(
            address: await pod.address, environment: program.environment, workingDirectory: program.workingDirectory)
        if let startup = Probe(.startup, of: container, in: pod.pod) {
            guard await follow(startup, prober, program, until: { $0 }, onChange: { _ in }) else { return }
        }
        guard !Task.isCancelled else { return }
        let readiness = Probe(.readiness, of: container, in: pod.pod)
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
            if let liveness = Probe(.liveness, of: container, in: pod.pod) {
                group.addTask { _ = await follow(liveness, prober, program, until: { _ in false }, onChange: { _ in }) }
            }
        }
    }

    /// Probes again and again, until `isDone` with the present result; tells `onChange` when the result changes by the
    /// probe's thresholds. The result of it all is the last one.
    private func follow(
        _ probe: Probe, _ prober: Prober, _ program: ContainerProgram, until isDone: @Sendable (Bool) -> Bool,
        onChange: @Sendable (Bool) async -> Void
    ) async -> Bool {
        let clock = ContinuousClock()
        try? await clock.sleep(for: probe.initialDelay)
        // A liveness probe's container counts as well until it is found otherwise.
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
                // What is tried between two periods is this sandbox's impatience and counts only when it succeeds.
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
            let isImpatient = !result && probe.initialDelay == .zero && probe.kind != .liveness
            try? await clock.sleep(until: isImpatient ? min(nextDue, clock.now + Self.quick) : nextDue)
        }
        return result
    }

    /// Ends the container so that it starts anew.
    private func restart(because probe: Probe, _ program: ContainerProgram) async {
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

extension Probe {
    /// A pre-stop hook as a check that is made once.
    init?(hook: JSON, of container: JSON) {
        self.init(.liveness, of: ["livenessProbe": hook, "ports": container["ports"] ?? []], in: [:])
        timeout = .seconds(30)
    }
}
