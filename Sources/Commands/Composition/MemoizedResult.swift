/// Computes a value once for each key; concurrent and later calls get the same value.
actor MemoizedResult<Key: Hashable & Sendable, Value: Sendable> {
    private var known: [Key: Value] = [:]
    private var waiting: [Key: [CheckedContinuation<Void, Never>]] = [:]

    /// The first caller computes the value and the others wait for it; if it fails, the next caller tries.
    func value(for key: Key, _ compute: @Sendable () async throws -> Value) async throws -> Value {
        while true {
            if let value = known[key] { return value }
            guard waiting[key] == nil else {
                await withCheckedContinuation { waiting[key, default: []].append($0) }
                try Task.checkCancellation()
                continue
            }
            waiting[key] = []
            defer { for continuation in waiting.removeValue(forKey: key) ?? [] { continuation.resume() } }
            let value = try await compute()
            known[key] = value
            return value
        }
    }
}
