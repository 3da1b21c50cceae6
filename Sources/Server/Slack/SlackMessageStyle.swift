/// Of what a message is made.
enum SlackMessageStyle: Sendable, Hashable, CaseIterable, Comparable {
    /// Only the sentence.
    case text
    /// Sections in Slack's markup, which every client knows.
    case sections
    /// Rich text, and the phases as a plan.
    case plan

    /// What is tried when Slack does not take a message of this style.
    var simpler: SlackMessageStyle? {
        switch self {
        case .plan: .sections
        case .sections: .text
        case .text: nil
        }
    }
}
