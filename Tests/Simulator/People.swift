import ReleaseMachine

/// The people who promote a release, whether it is up to them or not. They keep count by themselves.
struct People {
    static let requester = "mike"
    private static let all = [requester, "ann", "bob", "cid"]

    private(set) var hasForced = false
    private var promoters: Set<String> = []

    /// What a person's promotion causes now; `nil` where it is refused.
    mutating func promotion(of release: Release, at now: Timestamp, _ random: inout SeededGenerator) -> Event? {
        let person = People.all[random.below(People.all.count)]
        let isForced = random.chance(3)
        let event =
            isForced
            ? try? release.forcedPromotion(by: person, reason: "it is urgent", at: now)
            : try? release.promotion(by: person, at: now)
        guard let event else { return nil }
        promoters.insert(person)
        if case .promotionForced = event { hasForced = true }
        return event
    }

    /// No node is switched with fewer approvals than the release's rules ask for, unless an administrator has said so.
    func violation(by effect: Effect, of release: Release) -> String? {
        let rules = release.order.rules
        switch effect {
        case .confirmCandidate, .switchNode: break
        default: return nil
        }
        guard release.order.verify, rules.asksOthers, !hasForced else { return nil }
        let counted = rules.approvers == .others ? promoters.subtracting([People.requester]) : promoters
        guard counted.count < rules.neededApprovals else { return nil }
        return "approvals: \(effect) with \(counted.count) of \(rules.neededApprovals)"
    }
}
