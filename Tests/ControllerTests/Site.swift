import Controller
import ReleaseMachine
import Testing
import ViridianConfiguration

/// The article's app with its own cluster and nodes in memory, and any number of processes that release it.
struct Site: Sendable {
    static let version = "20151025.143403"

    let world: World
    let journal = MemoryJournal()
    let clock = ManualClock()

    init(isLive: Bool = true) {
        world = World(isLive: isLive)
    }

    /// The releases as process `me` runs them.
    func releases(
        _ me: String = "anna@ci-1",
        _ configure: (inout AppConfiguration) -> Void = { _ in }
    ) throws -> AppReleases {
        var app = try AppConfiguration(
            app: "blog",
            ports: .init(container: 9000, blue: 30000, green: 30001),
            image: "registry.local:5000/blog",
            ready: .init(timeout: .seconds(60)),
            verify: .init(timeout: .seconds(120)),
            drain: .init(least: .seconds(2), most: .seconds(10))
        )
        configure(&app)
        return AppReleases(app: app, engine: engine(me))
    }

    func engine(_ me: String = "anna@ci-1") -> Engine {
        var pace = Engine.Pace()
        pace.tick = .milliseconds(200)
        return Engine(
            cluster: WorldCluster(world: world, me: me, clock: clock),
            nodes: WorldNodes(world: world),
            journal: journal,
            clock: clock,
            pace: pace,
            executor: clock
        )
    }

    @discardableResult
    func deploy(
        _ version: String = Site.version,
        as me: String = "anna@ci-1",
        verify: Bool? = nil,
        until stop: Engine.Stop = .whenEnded,
        observe: @escaping Engine.Observer = { _, _ in }
    ) async throws -> Release {
        let releases = try releases(me)
        let request = AppReleases.Request(version: try Version(version), verify: verify, by: me)
        return try await clock.running { try await releases.deploy(request, until: stop, observe: observe) }
    }

    func kinds(_ number: Int = 1) -> [String] { journal.events(number).map(\.kind) }

    /// Calls without their arguments; repeated calls in a row count as one.
    func steps(without ignored: Set<String> = ["renew", "journal", "survey", "list", "prepare"]) async -> [String] {
        var steps: [String] = []
        for call in await world.calls.map({ String($0.prefix { $0 != " " }) }) where !ignored.contains(call) {
            if steps.last != call { steps.append(call) }
        }
        return steps
    }
}

extension Event {
    /// The case's name.
    var kind: String { String(String(describing: self).prefix { $0 != "(" }) }
}

/// A transient error.
struct TransientError: Error, CustomStringConvertible {
    var description: String { "the API did not answer" }
}

/// The events that an observer received.
actor EventRecorder {
    private(set) var events: [RecordedEvent] = []

    func record(_ event: RecordedEvent) { events.append(event) }

    nonisolated var observer: Engine.Observer {
        { recorded, _ in await self.record(recorded) }
    }

    var kinds: [String] { events.map(\.event.kind) }
}

/// The description of the error that a call throws.
func errorText<T>(_ body: () async throws -> T) async -> String? {
    do {
        _ = try await body()
        return nil
    } catch {
        return "\(error)"
    }
}
