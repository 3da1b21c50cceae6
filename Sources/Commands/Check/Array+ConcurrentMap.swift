extension Array where Element: Sendable {
    /// What `body` returns for each element, in their order; `limit` of them are asked for at the same time.
    func concurrentMap<Value: Sendable>(
        atMost limit: Int = .max, _ body: @escaping @Sendable (Element) async -> Value
    ) async -> [Value] {
        await withTaskGroup(of: (Int, Value).self) { group in
            var values: [Value?] = Array<Value?>(repeating: nil, count: count)
            for (index, element) in enumerated() {
                if index >= limit, let (done, value) = await group.next() { values[done] = value }
                group.addTask { (index, await body(element)) }
            }
            for await (done, value) in group { values[done] = value }
            return values.compactMap(\.self)
        }
    }

    /// The findings of all elements, in their order, asked for at the same time.
    func concurrently(_ body: @escaping @Sendable (Element) async -> [Finding]) async -> [Finding] {
        await concurrentMap(body).flatMap(\.self)
    }
}
