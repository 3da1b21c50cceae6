import Foundation

/// What happens to a forge's requests besides their usual answers, by their number from 0.
package actor ForgeWeather {
    /// Answers instead of the forge's own; the forge does not act on the request.
    private var refusals: [Int: Reply] = [:]
    /// Called after the forge acted on a request and before it answers.
    private var interruptions: [Int: @Sendable () async -> Void] = [:]
    private var isDown = false
    private var count = 0

    package init() {}

    package func refuse(_ number: Int, with reply: Reply) { refusals[number] = reply }
    package func interrupt(after number: Int, _ action: @escaping @Sendable () async -> Void) {
        interruptions[number] = action
    }
    package func goDown() { isDown = true }
    package func comeBack() { isDown = false }
    /// The number of requests so far.
    package var requests: Int { count }

    fileprivate func next() -> (refusal: Reply?, interruption: (@Sendable () async -> Void)?) {
        defer { count += 1 }
        return (isDown ? .text("<html>Bad gateway</html>", status: 502) : refusals[count], interruptions[count])
    }

    func answer(_ act: () async -> Reply) async -> Reply {
        let (refusal, interruption) = next()
        if let refusal { return refusal }
        let reply = await act()
        await interruption?()
        return reply
    }
}

typealias JSONObject = [String: Any]

extension Received {
    /// The body as a JSON object; `nil` unless it is one, and says so.
    var jsonBody: JSONObject? {
        guard headers.first(where: { $0.key.lowercased() == "content-type" })?.value == "application/json" else {
            return nil
        }
        return try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? JSONObject
    }

    func header(_ name: String) -> String? { headers.first { $0.key.lowercased() == name.lowercased() }?.value }
}

extension Reply {
    static func json(_ value: Any, status: Int = 200) -> Reply {
        let data = (try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])) ?? Data()
        return .text(
            String(decoding: data, as: UTF8.self), status: status, headers: ["Content-Type": "application/json"])
    }
}

func isWebURL(_ text: String) -> Bool {
    guard let url = URLComponents(string: text), let scheme = url.scheme, let host = url.host else { return false }
    return ["http", "https"].contains(scheme) && !host.isEmpty
}
