/// The answers of reads, for one look at an app: what several questions need is asked for once, and they all see the same.
actor RememberedReads {
    private enum Answer {
        case found(JSON)
        /// There is no such object.
        case missing(KubernetesError)
    }

    private var answers: [String: Answer] = [:]

    /// The answer from before, or else what `read` returns. Refusals, except that an object does not exist, and lost connections are
    /// not remembered: they may be over the next time.
    func answer(to call: Call, _ read: () async throws -> JSON) async throws -> JSON {
        let key = call.path + "?" + call.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
        switch answers[key] {
        case .found(let object): return object
        case .missing(let error): throw error
        case nil: break
        }
        do {
            let object = try await read()
            answers[key] = .found(object)
            return object
        } catch let error as KubernetesError where error.isNotFound {
            answers[key] = .missing(error)
            throw error
        }
    }
}
