/// A person's promotion of a release, which others may have to join.
package struct Approval: Sendable, Hashable, Codable {
    package var by: String
    package var at: Timestamp

    package init(by: String, at: Timestamp) {
        self.by = by
        self.at = at
    }

    /// `1 of 2: ann`
    package static func count(_ people: [String], of needed: Int) -> String {
        "\(people.count) of \(needed)" + (people.isEmpty ? "" : ": \(people.joined(separator: ", "))")
    }
}

extension Rules {
    /// The number of people who have to promote a release.
    package var neededApprovals: Int { approvals ?? 1 }
    /// One person does not suffice, or not everybody counts.
    package var asksOthers: Bool { neededApprovals > 1 || approvers == .others }
    /// At the end of its pause a release goes live by itself; never where people have to approve it.
    package var promotesByItself: Bool { afterVerifyTimeout == .promote && !asksOthers }
}

extension Release {
    /// Whether it goes live only when the people have approved it whom its rules ask for. A release that does not pause asks nobody: a
    /// rollback, or one that an administrator started so.
    package var needsApprovals: Bool { order.verify && order.rules.asksOthers }

    /// What a person's promotion causes now: a promotion, or an approval when more people are needed.
    /// - Throws: `Inapplicable` when it has no effect.
    package func promotion(by person: String, at now: Timestamp) throws(Inapplicable) -> Event {
        try checkPromotable(at: now)
        if order.rules.approvers == .others, isSame(person, requester) {
            throw Inapplicable(description: "\(order.name) was requested by \(requester): \(missingApprovals)")
        }
        if let given = approvals.first(where: { isSame($0.by, person) }) {
            throw Inapplicable(
                description: "\(given.by) has approved \(order.name) already, \(approvals.count) of "
                    + "\(order.rules.neededApprovals): \(missingApprovals)")
        }
        return approvals.count + 1 < order.rules.neededApprovals ? .approved(by: person) : .promoted(by: person)
    }

    /// What an administrator's promotion causes who does not want to wait for others.
    /// - Throws: `Inapplicable` when it has no effect.
    package func forcedPromotion(by person: String, reason: String, at now: Timestamp) throws(Inapplicable) -> Event {
        try checkPromotable(at: now)
        // Where no approval is missing nothing is forced.
        if case .promoted? = try? promotion(by: person, at: now) { return .promoted(by: person) }
        return .promotionForced(by: person, reason: reason)
    }

    /// `1 of 2: ann`; `nil` where no more than one person is needed.
    package var approvalCount: String? {
        guard needsApprovals, order.rules.neededApprovals > 1 else { return nil }
        return Approval.count(approvals.map(\.by), of: order.rules.neededApprovals)
    }

    /// Who still has to promote it, one clause: `a person other than mike and ann has to promote it`.
    package var missingApprovals: String {
        let missing = max(1, order.rules.neededApprovals - approvals.count)
        var others = approvals.map(\.by)
        if order.rules.approvers == .others { others.insert(requester, at: 0) }
        let who = missing == 1 ? (others.isEmpty ? "a person" : "another person") : "\(missing) people"
        let except = others.isEmpty ? "" : missing == 1 ? " than \(joined(others))" : " other than \(joined(others))"
        return "\(who)\(except) \(missing == 1 ? "has" : "have") to promote it"
    }

    /// The person who requested the release. What a hook starts is requested by `mike (gitlab)`.
    package var requester: String {
        guard order.isAutomatic == true, order.requestedBy.hasSuffix(")"),
            let end = order.requestedBy.lastIndex(of: "(")
        else { return order.requestedBy }
        return String(order.requestedBy[..<end].dropLast())
    }

    mutating func approve(_ person: String, at now: Moment) {
        guard !approvals.contains(where: { isSame($0.by, person) }) else { return }
        approvals.append(Approval(by: person, at: now.time))
    }

    mutating func promote(_ person: String, at now: Moment) {
        isApproved = true
        promotedBy = person
        enter(.switching, at: now)
    }

    /// Names come from tokens, logins, forges and Slack, which do not agree in upper and lower case.
    private func isSame(_ person: String, _ other: String) -> Bool { person.lowercased() == other.lowercased() }

    private func joined(_ names: [String]) -> String {
        names.count < 2
            ? names.joined() : names.dropLast().joined(separator: ", ") + " and " + names.suffix(1).joined()
    }
}
