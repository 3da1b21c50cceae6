import Foundation
import HTTPTransport
import Kubernetes
import Processes
import Testing

/// A Chromium driven by a test, through chromedriver (W3C WebDriver).
struct Browser: Sendable {
    /// Whether Debian's chromium and chromium-driver are installed.
    static let isInstalled = ["chromium", "chromedriver"].allSatisfy { name in
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    struct Settings: Sendable {
        var runsScripts = true
        var width = 1280
        var height = 900
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String

        /// A script was cut off, most likely because its page was left. Chromedriver sometimes reports that as a timeout.
        var isOfNavigation: Bool {
            ["unloaded", "navigation", "execution context", "script timeout"].contains { description.contains($0) }
        }
    }

    private let driver: HTTPConnection
    private let session: String

    /// Starts a browser, runs `body`, and ends the browser with all its processes.
    static func with<Value: Sendable>(
        _ settings: Settings = .init(),
        in directory: String,
        _ body: @escaping @Sendable (Browser) async throws -> Value
    ) async throws -> Value {
        let port = try await Ports.shared.some(1)[0]
        // Chromium also keeps its shared memory there.
        let scratch = "\(directory)/chromium-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        var environment = ProcessInfo.processInfo.environment
        environment["TMPDIR"] = scratch
        environment["HOME"] = scratch
        let command = Command("chromedriver", ["--port=\(port)", "--allowed-ips=127.0.0.1"], environment: environment)
        let (listening, started) = AsyncStream.makeStream(of: Void.self)
        return try await withThrowingTaskGroup(of: Void.self, returning: Value.self) { group in
            group.addTask {
                defer { started.finish() }
                _ = try await command.run(
                    deadline: .seconds(170),
                    onLine: { line in
                        if line.text.contains("started successfully") { started.yield() }
                    })
            }
            defer { group.cancelAll() }
            for await _ in listening {
                let driver = try HTTPConnection(baseURL: "http://127.0.0.1:\(port)")
                do {
                    let value = try await run(settings, driver, scratch, body)
                    await driver.shutdown()
                    return value
                } catch {
                    await driver.shutdown()
                    throw error
                }
            }
            throw Failure(description: "chromedriver ended before it listened")
        }
    }

    private static func run<Value: Sendable>(
        _ settings: Settings,
        _ driver: HTTPConnection,
        _ scratch: String,
        _ body: @Sendable (Browser) async throws -> Value
    ) async throws -> Value {
        var arguments: [JSON] = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
        ]
        arguments.append(.string("--window-size=\(settings.width),\(settings.height)"))
        arguments.append(.string("--user-data-dir=\(scratch)/profile"))
        var options: JSON = ["args": .array(arguments)]
        if !settings.runsScripts { options["prefs"] = ["profile.managed_default_content_settings.javascript": 2] }
        let wanted: JSON = [
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": ["browser": "ALL"],
            "timeouts": ["script": 60_000, "pageLoad": 30_000, "implicit": 0],
        ]
        let opened = try await call(driver, "POST", "/session", ["capabilities": ["alwaysMatch": wanted]])
        guard let session = opened["sessionId"]?.string else {
            throw Failure(description: "no session: \(opened.text.prefix(500))")
        }
        let browser = Browser(driver: driver, session: session)
        do {
            let value = try await body(browser)
            try await browser.quit()
            return value
        } catch {
            try? await browser.quit()
            throw error
        }
    }

    private func quit() async throws {
        _ = try await Self.call(driver, "DELETE", "/session/\(session)")
    }

    private static func call(
        _ driver: HTTPConnection, _ method: String, _ path: String, _ body: JSON? = nil
    ) async throws -> JSON {
        let request = HTTPConnection.Request(
            method, path, headers: body == nil ? [:] : ["Content-Type": "application/json"], body: try body?.data,
            deadline: .seconds(70), largestBody: 64 << 20)
        let response = try await driver.send(request)
        let answer = try JSON(parsing: response.body)["value"] ?? .null
        guard response.isSuccess else {
            let message = answer["message"]?.string?.split(separator: "\n").first.map(String.init) ?? answer.text
            throw Failure(description: "\(method) \(path): \(message)")
        }
        return answer
    }

    private func call(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> JSON {
        try await Self.call(driver, method, "/session/\(session)/\(path)", body)
    }

    // MARK: - Navigation

    func open(_ url: String) async throws { _ = try await call("POST", "url", ["url": .string(url)]) }
    func reload() async throws { _ = try await call("POST", "refresh", [:]) }

    var url: String {
        get async throws { try await call("GET", "url").string ?? "" }
    }

    // MARK: - Elements

    /// The WebDriver id of the first element that matches a CSS selector.
    private func find(_ selector: String) async throws -> String {
        let found = try await call("POST", "element", ["using": "css selector", "value": .string(selector)])
        guard let id = found.object?.values.first?.string else { throw Failure(description: "no \(selector)") }
        return id
    }

    func isThere(_ selector: String) async throws -> Bool {
        let found = try await call("POST", "elements", ["using": "css selector", "value": .string(selector)])
        return found.array?.isEmpty == false
    }

    /// The visible text.
    func text(_ selector: String) async throws -> String {
        try await call("GET", "element/\(try await find(selector))/text").string ?? ""
    }

    func attribute(_ name: String, of selector: String) async throws -> String? {
        try await call("GET", "element/\(try await find(selector))/attribute/\(name)").string
    }

    func click(_ selector: String) async throws {
        _ = try await call("POST", "element/\(try await find(selector))/click", [:])
    }

    func type(_ text: String, into selector: String) async throws {
        let id = try await find(selector)
        _ = try await call("POST", "element/\(id)/value", ["text": .string(text)])
    }

    /// Presses keys where the focus is.
    func press(_ keys: String) async throws {
        let actions: [JSON] = keys.flatMap { key -> [JSON] in
            let value = JSON.string(String(key))
            return [["type": "keyDown", "value": value], ["type": "keyUp", "value": value]]
        }
        let keyboard: JSON = ["type": "key", "id": "keyboard", "actions": .array(actions)]
        _ = try await call("POST", "actions", ["actions": [keyboard]])
    }

    // MARK: - Scripts

    /// The value of a JavaScript expression in the page.
    func value(_ expression: String) async throws -> JSON {
        try await call("POST", "execute/sync", ["script": .string("return (\(expression))"), "args": []])
    }

    /// Waits for a JavaScript condition, which is evaluated after each change of the document.
    func wait(until condition: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let script = """
            const done = arguments[arguments.length - 1];
            const holds = () => { try { return Boolean(\(condition)); } catch { return false; } };
            if (holds()) return done(true);
            const observer = new MutationObserver(() => { if (holds()) { observer.disconnect(); done(true); } });
            observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
            """
        let end = ContinuousClock.now + .seconds(60)
        while true {
            do {
                _ = try await call("POST", "execute/async", ["script": .string(script), "args": []])
                return
            } catch let error as Failure where error.isOfNavigation && ContinuousClock.now < end {
                continue  // The page was left meanwhile: wait in the next one.
            } catch {
                let page = (try? await text("body")) ?? "no page"
                Issue.record("timed out waiting for \(condition): \(error)\n\(page)", sourceLocation: sourceLocation)
                throw error
            }
        }
    }

    /// Polls, for pages without JavaScript.
    func eventually(
        _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            // An element may be gone between two pages.
            if (try? await condition()) == true { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        let page = (try? await text("body")) ?? "no page"
        Issue.record("timed out waiting for \(what)\n\(page)", sourceLocation: sourceLocation)
        throw Failure(description: what)
    }

    /// The errors and warnings in the console since the last call.
    func complaints() async throws -> [String] {
        let entries = try await call("POST", "se/log", ["type": "browser"]).array ?? []
        return entries.compactMap { entry in
            guard let level = entry["level"]?.string, level != "INFO", level != "DEBUG" else { return nil }
            return "\(level): \(entry["message"]?.string ?? "")"
        }
    }

    // MARK: - Screenshots

    /// A command of the DevTools protocol.
    private func devTools(_ command: String, _ parameters: JSON) async throws -> JSON {
        try await call("POST", "goog/cdp/execute", ["cmd": .string(command), "params": parameters])
    }

    /// Sets the width of the screen, and the light or dark colour scheme.
    func setScreen(width: Int, isDark: Bool = false) async throws {
        _ = try await devTools(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .integer(Int64(width)), "height": 900, "deviceScaleFactor": 1,
                "mobile": .bool(width < 600),
            ])
        let scheme: JSON = ["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]
        _ = try await devTools("Emulation.setEmulatedMedia", ["features": [scheme]])
    }

    /// The page from its top, as PNG, as far down as `most` pixels.
    func screenshot(most: Int = 1600) async throws -> Data {
        let size = try await value("[innerWidth, Math.ceil(document.body.getBoundingClientRect().height)]")
        let width = size.array?.first?.integer ?? 1280
        let height = min(size.array?.last?.integer ?? 900, most)
        // Content far below the window is not drawn, so the window gets the height of the screenshot.
        _ = try await devTools(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .integer(Int64(width)), "height": .integer(Int64(height)), "deviceScaleFactor": 1,
                "mobile": .bool(width < 600),
            ])
        let clip: JSON = [
            "x": 0, "y": 0, "width": .integer(Int64(width)), "height": .integer(Int64(height)), "scale": 1,
        ]
        let taken = try await devTools(
            "Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true, "clip": clip])
        return Data(base64Encoded: taken["data"]?.string ?? "") ?? Data()
    }
}
