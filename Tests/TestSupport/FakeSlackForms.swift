import Foundation

/// A call's arguments: a form, or JSON with the token in the header.
struct SlackCall {
    private var values: JSONObject
    private(set) var token: String?
    private(set) var isJSON: Bool

    init(_ request: Received) {
        let type = request.header("Content-Type") ?? ""
        isJSON = type.hasPrefix("application/json")
        values = request.query
        if isJSON {
            let body = try? JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? JSONObject
            values.merge(body ?? [:]) { $1 }
        } else if type.hasPrefix("application/x-www-form-urlencoded") {
            values.merge(Form.fields(of: request.body)) { $1 }
        }
        token = request.header("Authorization").flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
        // In a form, not in JSON.
        if token == nil, !isJSON { token = values["token"] as? String }
    }

    init(_ values: JSONObject) {
        self.values = values
        isJSON = true
    }

    subscript(_ name: String) -> String? { values[name] as? String }
    func value(_ name: String) -> Any? { values[name].flatMap { $0 is NSNull ? nil : $0 } }
    func isTrue(_ name: String) -> Bool {
        values[name] as? Bool == true || ["true", "1"].contains(values[name] as? String)
    }

    static func json(_ value: Any) -> String {
        let data = try? JSONSerialization.data(
            withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }
}

/// `application/x-www-form-urlencoded`
enum Form {
    static func fields(of body: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in body.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let texts = parts.map { $0.replacing("+", with: " ").removingPercentEncoding ?? String($0) }
            fields[texts[0]] = texts.count > 1 ? texts[1] : ""
        }
        return fields
    }

    static func encoded(_ fields: [(String, String)]) -> String {
        let kept = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*")
        func encode(_ text: String) -> String {
            (text.addingPercentEncoding(withAllowedCharacters: kept) ?? text).replacing("%20", with: "+")
        }
        return fields.map { "\(encode($0.0))=\(encode($0.1))" }.joined(separator: "&")
    }
}

extension Reply {
    static func json(_ object: JSONObject, headers: [String: String]) -> Reply {
        var reply = Reply.json(object)
        reply.headers.merge(headers) { $1 }
        return reply
    }

    static func page(_ status: Int) -> Reply {
        .text("<html><body>Server error</body></html>", status: status, headers: ["Content-Type": "text/html"])
    }

    static func tooMany(_ seconds: Int) -> Reply {
        var reply = Reply.json(["ok": false, "error": "ratelimited"], status: 429)
        reply.headers["Retry-After"] = String(seconds)
        return reply
    }

    static func refusal(_ refusal: SlackRefusal, _ scopes: [String]) -> Reply {
        var object: JSONObject = ["ok": false, "error": refusal.code]
        if !refusal.messages.isEmpty {
            object["errors"] = refusal.messages
            object["response_metadata"] = ["messages": refusal.messages.map { "[ERROR] \($0)" }]
        }
        if let needed = refusal.needed {
            object["needed"] = needed
            object["provided"] = scopes.joined(separator: ",")
        }
        return .json(object)
    }
}
