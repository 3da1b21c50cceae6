/// A person's word to promote a release.
package struct Approval: Sendable, Hashable, Codable {
    package var by: String
    package var at: Timestamp

    package init(by: String, at: Timestamp) {
        self.by = by
        self.at = at
    }
}

extension Rules {
    /// The number of people whose word a promotion needs.
    package var neededApprovals: Int { approvals ?? 1 }
    /// One person's word does not suffice, or not everybody's counts.
    package var asksOthers: Bool { neededApprovals > 1 || approvers == .others }
}

extension Release {
    /// What a person's word to promote causes now: a promotion, or an approval when more people have to give theirs.
    /// - Throws: `Inapplicable` when it has no effect.
    package func promotion(by person: String, at now: Timestamp) throws(Inapplicable) -> Event {
        try checkPromotable(at: now)
        if order.rules.approvers == .others, person == requester {
            throw Inapplicable(
                description: "\(order.name) was asked for by \(person): another person has to promote it")
        }
        if approvals.contains(where: { $0.by == person }) {
            throw Inapplicable(
                description: "\(person) has approved \(order.name) already, \(approvals.count) of "
                    + "\(order.rules.neededApprovals): another person has to promote it")
        }
        return approvals.count + 1 < order.rules.neededApprovals ? .approved(by: person) : .promoted(by: person)
    }

    /// The person who asked for the release. What a hook starts is requested by `mike (gitlab)`.
    package var requester: String {
        guard order.isAutomatic == true, order.requestedBy.hasSuffix(")"),
            let end = order.requestedBy.lastIndex(of: "(")
        else { return order.requestedBy }
        return String(order.requestedBy[..<end].dropLast())
    }

    mutating func approve(_ person: String, at now: Moment) {
        guard !approvals.contains(where: { $0.by == person }) else { return }
        approvals.append(Approval(by: person, at: now.time))
    }

    mutating func promote(_ person: String, at now: Moment) {
        isApproved = true
        promotedBy = person
        enter(.switching, at: now)
    }
}
