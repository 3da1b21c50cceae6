import Controller
import Foundation
import HTTPTransport
import Integrations
import ReleaseMachine
import Server
import ViridianConfiguration

/// Checks who is told of releases, and which registries are asked. None of it stops a release: what is wrong is a warning.
extension Preflight {
    func notifications(variables: [String: String] = ProcessInfo.processInfo.environment) async -> [Finding] {
        let configuration = installation.configuration
        return await slack(configuration, variables) + webhooks(configuration, variables)
            + forges(configuration, variables) + backlogs(configuration) + registries(configuration)
    }

    private func slack(_ configuration: Configuration, _ variables: [String: String]) async -> [Finding] {
        guard let slack = configuration.slack else { return [] }
        do {
            let client = try SlackClient(slack, environment: variables)
            let findings = await SlackChecks(slack: slack, server: configuration.server.url, client: client).findings()
            await client.shutdown()
            return findings
        } catch {
            return [Finding(state: .warning, what: "slack: \(error)", fix: "correct slack.api, or the proxy")]
        }
    }

    private func webhooks(_ configuration: Configuration, _ variables: [String: String]) async -> [Finding] {
        await configuration.notify.concurrently { destination in
            do {
                let reach = try await destination.reach(environment: variables)
                return [
                    Finding(
                        state: .ok,
                        what:
                            "notify \(destination.name): \(reach); viridian notify test \(destination.name) sends a message"
                    )
                ]
            } catch {
                return [Finding(state: .warning, what: "notify \(destination.name): \(error)")]
            }
        }
    }

    // MARK: - Forges

    private func forges(_ configuration: Configuration, _ variables: [String: String]) async -> [Finding] {
        let destinations: [DeploymentDestination]
        do {
            destinations = try DeploymentDestination.all(configuration, variables: variables)
        } catch {
            return [Finding(state: .warning, what: "report: \(error)", fix: "correct report, or the proxy")]
        }
        let now = SystemClock().now
        return await destinations.concurrently { destination in
            let finding: Finding
            do {
                finding = Self.finding(try await destination.checkToken(), destination.name, at: now)
            } catch {
                finding = Finding(state: .warning, what: "report.\(destination.name): \(error)")
            }
            await destination.close()
            return [finding]
        }
    }

    /// A token that soon ends is a warning while there is time to make another one.
    static func finding(_ token: ForgeToken, _ name: String, at now: Timestamp) -> Finding {
        let soon = (now + .seconds(14 * 86_400)).iso8601.prefix(10)
        guard let day = token.lastDay, day < soon else {
            return Finding(state: .ok, what: "report.\(name): \(token)")
        }
        return Finding(
            state: .warning, what: "report.\(name): \(token)", fix: "put a new token into report.\(name).token")
    }

    // MARK: - What waits

    private func backlogs(_ configuration: Configuration) async -> [Finding] {
        let (names, now) = (OutboxDestinations.names(configuration), SystemClock().now)
        let statuses = (try? await DestinationStatus.all(names, installation.journal, at: now)) ?? []
        return statuses.compactMap { status in
            let what = "notifications to \(status.name): \(status.sentence(at: now))"
            switch status.state {
            case .unused, .sending: return nil
            case .delivered where status.failed == 0: return nil
            case .delivered:
                return Finding(
                    state: .warning, what: what,
                    fix: "viridian notify list --failed says why; viridian notify resend ID sends one again")
            case .retrying: return Finding(state: .warning, what: what)
            case .removed:
                return Finding(
                    state: .warning, what: what, fix: "configure \(status.name) again, if it was removed by mistake")
            }
        }
    }

    // MARK: - Registries

    /// Asks each configured registry for a version that is not there: credentials that it does not accept are noticed all the same.
    private func registries(_ configuration: Configuration) async -> [Finding] {
        let clients = RegistryClients(configuration.registries)
        let findings = await configuration.registries.concurrently { registry -> [Finding] in
            let app = configuration.apps.first { registry.serves($0.image) }
            guard let app else {
                return [
                    Finding(
                        state: .warning, what: "registry \(registry.host): no app's image comes from it",
                        fix: "correct its host under registries, or remove it")
                ]
            }
            let name = app.name.text
            do throws(RegistryError) {
                let client = clients.client(for: app.image)
                _ = try await client.image(app.image.pathInRegistry, reference: "viridian-check")
                return [Finding(state: .ok, app: name, what: "registry \(registry.host) answers for \(app.image)")]
            } catch {
                return [Finding(state: .warning, app: name, what: "\(error)")]
            }
        }
        await clients.shutdown()
        return findings
    }
}
