import Foundation

/// The blocks `plan`, `task_card` and `rich_text`.
extension SlackBlocks {
    mutating func readPlan(_ block: JSONObject, at path: String) {
        check(block, ["title", "tasks"], needs: ["title"], at: path)
        readString(block["title"], 3000, at: path + "/title", isShown: true)
        guard block["tasks"] != nil else { return }
        for (task, path) in elements(of: block, "tasks", upTo: 50, at: path) {
            if let kind = task["type"], kind as? String != "task_card" { fail("must be `task_card`", path + "/type") }
            _ = task["block_id"].map { _ in readID(of: task, at: path) }
            readTask(task, at: path)
        }
    }

    mutating func readTask(_ task: JSONObject, at path: String) {
        check(
            task, ["task_id", "title", "status", "details", "output", "sources"], needs: ["task_id", "title"], at: path)
        readString(task["task_id"], 255, at: path + "/task_id", isShown: false)
        if let id = task["task_id"] as? String, !taskIDs.insert(id).inserted {
            fail("task_id `\(id)` already exists", path + "/task_id")
        }
        let status = task["status"] as? String ?? "pending"
        if !["pending", "in_progress", "complete", "error"].contains(status) {
            fail("must be one of `pending`, `in_progress`, `complete`, `error`", path + "/status")
        }
        readString(task["title"], 3000, at: path + "/title", isShown: true)
        if !shown.isEmpty { shown[shown.count - 1] += " (\(status))" }
        for field in ["details", "output"] where task[field] != nil {
            guard let text = task[field] as? JSONObject, text["type"] as? String == "rich_text" else {
                fail("must be a rich_text", "\(path)/\(field)")
                continue
            }
            _ = text["block_id"].map { _ in readID(of: text, at: "\(path)/\(field)") }
            readRichText(text, at: "\(path)/\(field)")
        }
        guard task["sources"] != nil else { return }
        for (source, path) in elements(of: task, "sources", upTo: 50, at: path) {
            check(source, ["url", "text"], needs: ["url", "text"], at: path)
            if source["type"] as? String != "url" { fail("must be `url`", path + "/type") }
        }
    }

    mutating func readRichText(_ block: JSONObject, at path: String) {
        check(block, ["elements"], needs: ["elements"], at: path)
        for (part, path) in elements(of: block, upTo: 1000, at: path) {
            switch part["type"] as? String {
            case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
                check(part, ["elements", "border", "language"], needs: ["elements"], at: path)
                shown.append("")
                for (run, path) in elements(of: part, upTo: 1000, at: path) { readRun(run, at: path) }
            case "rich_text_list":
                check(
                    part, ["elements", "style", "indent", "offset", "border"], needs: ["elements", "style"], at: path)
                for (item, path) in elements(of: part, upTo: 1000, at: path) {
                    shown.append("")
                    for (run, path) in elements(of: item, upTo: 1000, at: path) { readRun(run, at: path) }
                }
            default: fail("unsupported type: \(part["type"] ?? "")", path + "/type")
            }
        }
    }

    private mutating func readRun(_ run: JSONObject, at path: String) {
        if let style = run["style"] {
            let known: Set = ["bold", "italic", "strike", "code", "underline"]
            if !known.isSuperset(of: (style as? JSONObject ?? ["": ""]).keys) { fail("unknown style", path + "/style") }
        }
        switch run["type"] as? String {
        case "text":
            check(run, ["text", "style"], needs: ["text"], at: path)
            if (run["text"] as? String)?.isEmpty != false { fail("must be more than 0 characters", path + "/text") }
            shown[shown.count - 1] += run["text"] as? String ?? ""
        case "link":
            check(run, ["url", "text", "style", "unsafe"], needs: ["url"], at: path)
            shown[shown.count - 1] += run["text"] as? String ?? run["url"] as? String ?? ""
        case "emoji":
            check(run, ["name", "unicode", "style"], needs: ["name"], at: path)
            shown[shown.count - 1] += ":\(run["name"] ?? ""):"
        case "date":
            check(run, ["timestamp", "format", "url", "fallback", "style"], needs: ["timestamp", "format"], at: path)
            if run["timestamp"] as? Int == nil { fail("must be an integer", path + "/timestamp") }
            shown[shown.count - 1] += run["fallback"] as? String ?? ""
        case "user":
            check(run, ["user_id", "style"], needs: ["user_id"], at: path)
            mentions.append(run["user_id"] as? String ?? "")
        case "broadcast":
            check(run, ["range", "style"], needs: ["range"], at: path)
            mentions.append("!\(run["range"] ?? "")")
        default: fail("unsupported type: \(run["type"] ?? "")", path + "/type")
        }
    }
}

/// Slack's own markup: https://docs.slack.dev/messaging/formatting-message-text
enum SlackText {
    /// As people read it: links as their text, without escapes.
    static func shown(_ text: String) -> String {
        text.replacing(/<([^<>|]*)(?:\|([^<>]*))?>/) { match in String(match.2 ?? match.1) }
            .replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    }

    /// `!channel`, `U024BE7LH`.
    static func mentions(in text: String) -> [String] {
        text.matches(of: /<(!|@|#)([^<>|]+)(?:\|[^<>]*)?>/).map { ($0.1 == "!" ? "!" : "") + String($0.2) }
            .filter { !$0.hasPrefix("!date^") }
    }
}
