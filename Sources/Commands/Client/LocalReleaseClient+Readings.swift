extension LocalReleaseClient {
    func together(_ apps: [String]) -> any ReleaseClient {
        LocalReleaseClient(installation: installation.reading(apps))
    }
}
