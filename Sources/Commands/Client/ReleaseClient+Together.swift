extension ReleaseClient {
    /// A server reads all apps together by itself.
    func together(_ apps: [String]) -> any ReleaseClient { self }
}
