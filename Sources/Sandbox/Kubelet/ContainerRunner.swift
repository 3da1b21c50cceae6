import Foundation
import Kubernetes
import Processes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs a container of a pod and restarts it according to the restart policy.
struct ContainerRunner: Sendable {
    let pod: PodRunner
    let container: JSON
    let isInit: Bool

    var name: String { container["name"]?.string ?? "" }
    var image: String { container["image"]?.string ?? "" }
    var services: NodeServices { pod.services }

    /// Returns when the container has ended and will not restart.
    func run() async {
        var restarts = 0
        var delays = Backoff(services.backoff.crash, limit: services.backoff.crashLimit)
        while !pod.stopping.isSet, !Task.isCancelled {
            guard let program = await prepare() else { break }
            let began = ContinuousClock.now
            let ending = await runOnce(program, attempt: restarts)
            let succeeded = ending.exitCode == 0
            let isOver =
                isInit
                ? succeeded || pod.policy == "Never" : pod.policy == "Never" || (pod.policy == "OnFailure" && succeeded)
            if isOver || pod.stopping.isSet { return }
            restarts += 1
            // The kubelet resets the back-off after a run of twice the longest delay.
            if ContinuousClock.now - began > services.backoff.crashLimit * 2 { delays.reset() }
            // The first restart is immediate; each further one is delayed longer.
            let delay = restarts == 1 ? .zero : delays.next()
            guard delay > .zero else { continue }
            let text = "back-off \(delay.text) restarting failed container=\(name) pod=\(pod.title)"
            await update {
                $0.last = ending
                $0.phase = .waiting(reason: "CrashLoopBackOff", message: text)
            }
            await record(.warning, "BackOff", "Back-off restarting failed container \(name) in pod \(pod.title)")
            await pod.stopping.wait(atMost: delay)
        }
        // The container was stopped before its first run or between two runs.
        await update {
            guard $0.ending == nil else { return }
            let now = Date()
            $0.isReady = false
            $0.phase = .ended(
                $0.last
                    ?? .init(exitCode: 137, reason: "ContainerStatusUnknown", started: now, finished: now))
        }
    }

    func update(_ change: @Sendable (inout ContainerState) -> Void) async {
        await pod.update(name, isInit: isInit, change)
    }

    func record(_ level: EventRecorder.Level, _ reason: String, _ message: String) async {
        await pod.record(level, reason, message, container: name, isInit: isInit)
    }

    // MARK: - One run

    /// - Returns: the exit status.
    private func runOnce(_ program: ContainerProgram, attempt: Int) async -> ContainerState.Ending {
        let log = await services.logs.begin(pod: pod.pod.meta.uid, container: name)
        let started = Date()
        await record(.normal, "Created", "Created container \(name)")
        let ending: ContainerState.Ending
        if let problem = program.problem {
            let message =
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
                + "runc create failed: unable to start container process: \(problem): unknown"
            await record(.warning, "Failed", "Error: \(message)")
            ending = .init(
                exitCode: 128, reason: "StartError", message: message, started: started, finished: Date())
        } else {
            ending = await execute(program, log: log, started: started, attempt: attempt)
        }
        await log.finish()
        await update {
            if attempt > 0 { $0.restarts = attempt }
            $0.isReady = isInit && ending.exitCode == 0
            $0.isStarted = false
            $0.phase = .ended(ending)
        }
        return ending
    }

    private enum Outcome: Sendable {
        case ended(Result<Completed, any Error>)
        case outOfMemory
        case other
    }

    private func execute(
        _ program: ContainerProgram, log: ContainerLog, started: Date, attempt: Int
    ) async -> ContainerState.Ending {
        let command = services.processes.command(program, address: await pod.address, name: pod.key.name)
        let instance = UUID().uuidString.lowercased().replacing("-", with: "")
        let isRunning = Latch()
        var result: Result<Completed, any Error>?
        var wasOutOfMemory = false
        await withTaskGroup(of: Outcome.self) { group in
            group.addTask {
                do {
                    let completed = try await command.run(
                        grace: .seconds(1),
                        onStart: { pid in
                            await pod.started(name, pid: pid)
                            await program.root.waitUntilEntered(by: pid)
                            await update {
                                if let ending = $0.ending { $0.last = ending }
                                $0.restarts = attempt
                                $0.instance = instance
                                $0.phase = .running(since: Date())
                            }
                            isRunning.set()
                        },
                        onLine: { await log.append($0.text) })
                    return .ended(.success(completed))
                } catch {
                    return .ended(.failure(error))
                }
            }
            group.addTask {
                await isRunning.wait()
                guard !Task.isCancelled else { return .other }
                await record(.normal, "Started", "Started container \(name)")
                if !isInit { await probe(program) }
                return .other
            }
            group.addTask {
                await pod.stopping.wait()
                await isRunning.wait()
                guard !Task.isCancelled else { return .other }
                await record(.normal, "Killing", "Stopping container \(name)")
                await stop(program)
                return .other
            }
            if let limit = Quantity(container["resources"]?["limits"]?["memory"])?.value {
                group.addTask {
                    await isRunning.wait()
                    return await exceedsMemory(limit) ? .outOfMemory : .other
                }
            }
            for await outcome in group {
                switch outcome {
                case .ended(let end): result = end
                case .outOfMemory:
                    wasOutOfMemory = true
                    await pod.signal(name, SIGKILL, toAll: true)
                case .other: break
                }
                if result != nil { group.cancelAll() }
            }
        }
        await pod.ended(name)
        return Self.ending(result, started: started, wasOutOfMemory: wasOutOfMemory)
    }

    private static func ending(
        _ result: Result<Completed, any Error>?, started: Date, wasOutOfMemory: Bool
    ) -> ContainerState.Ending {
        var ending = ContainerState.Ending(exitCode: 0, reason: "Completed", started: started, finished: Date())
        switch result {
        case .success(let completed):
            switch completed.termination {
            case .exited(let code): ending.exitCode = Int(code)
            case .signalled(let signal): ending.exitCode = 128 + Int(signal)
            case .deadlineExceeded: ending.exitCode = 137
            }
        case .failure(let error):
            ending.exitCode = 128
            ending.message = "\(error)"
        case nil: ending.exitCode = 137
        }
        if ending.exitCode != 0 { ending.reason = wasOutOfMemory ? "OOMKilled" : "Error" }
        if ending.message != nil { ending.reason = "StartError" }
        return ending
    }

    // MARK: - Stopping

    /// Runs the pre-stop hook, then sends the image's stop signal to the container's process.
    func stop(_ program: ContainerProgram) async {
        let hook = container["lifecycle"]?["preStop"]
        let prober = Prober(address: await pod.address, program: program, process: await pod.pid(of: name))
        if let seconds = hook?["sleep"]?["seconds"]?.integer {
            try? await Task.sleep(for: .bounded(seconds: seconds))
        } else if let hook, hook.object?.isEmpty == false, let probe = ContainerProbe(hook: hook, of: container) {
            if let failure = await prober.failure(of: probe) {
                await record(.warning, "FailedPreStopHook", "PreStopHook failed: \(failure)")
            }
        }
        await pod.signal(name, program.stopSignal)
    }

    /// Checks the memory of the container's processes, in place of the kernel's control groups.
    ///
    /// - Returns: `true` when they exceed the limit; `false` when cancelled.
    private func exceedsMemory(_ limit: Double) async -> Bool {
        while !Task.isCancelled {
            if let pid = await pod.pid(of: name), ProcessMemory.resident(group: pid) > Int(bounded: limit) {
                return true
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
        return false
    }
}
