/// One answer for all who ask the same at the same time, and later.
actor AskedOnce<Key: Hashable & Sendable, Value: Sendable> {
    private var known: [Key: Value] = [:]
    private var waiting: [Key: [CheckedContinuation<Void, Never>]] = [:]

    /// The first one to want it asks, and the others wait for that; when it fails, the next one asks.
    func value(for key: Key, _ ask: @Sendable () async throws -> Value) async throws -> Value {
        while true {
            if let value = known[key] { return value }
            guard waiting[key] == nil else {
                await withCheckedContinuation { waiting[key, default: []].append($0) }
                try Task.checkCancellation()
                continue
            }
            waiting[key] = []
            defer { for continuation in waiting.removeValue(forKey: key) ?? [] { continuation.resume() } }
            let value = try await ask()
            known[key] = value
            return value
        }
    }
}
