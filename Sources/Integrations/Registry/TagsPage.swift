import Foundation
import HTTPTransport

/// A part of the list of a repository's tags.
struct TagsPage: Sendable, Hashable {
    var tags: [String]
    /// The query of the next page; `nil`: this is the last one.
    var nextQuery: String?

    /// `nil` for what is no list of tags.
    init?(_ answer: HTTPConnection.Response) {
        guard let list = try? JSONDecoder().decode(List.self, from: answer.body) else { return nil }
        tags = list.tags ?? []
        for field in answer.headers.fields where field.name.caseInsensitiveCompare("Link") == .orderedSame {
            nextQuery = nextQuery ?? Self.next(in: field.value)
        }
    }

    private struct List: Decodable {
        /// Missing means something else; null, that there are none.
        var name: String
        var tags: [String]?
    }

    /// The query of a link to the next page: `</v2/blog/tags/list?last=v2&n=2>; rel="next"` (RFC 8288).
    ///
    /// Host and path of the link are not used: the next page is requested where this one came from, since a proxy, or an attacker, may have
    /// written others.
    private static func next(in header: String) -> String? {
        guard header.utf8.count <= 16_384 else { return nil }
        for link in header.matches(of: /<([^<>]*)>([^<]*)/) {
            guard link.2.lowercased().contains(/;\s*rel\s*=\s*"?next\b/) else { continue }
            return URLComponents(string: String(link.1))?.percentEncodedQuery
        }
        return nil
    }
}
