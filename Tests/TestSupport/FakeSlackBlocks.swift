import Foundation

/// Blocks, as strict as Slack: https://docs.slack.dev/reference/block-kit/blocks
struct SlackBlocks {
    /// Slack knows `plan` and `task_card`; older installations and other programs do not.
    var knowsPlans = true

    private(set) var kinds: [String] = []
    private(set) var blockIDs: [String] = []
    private(set) var shown: [String] = []
    private(set) var buttons: [FakeSlack.Button] = []
    private(set) var mentions: [String] = []
    private var errors: [String] = []
    private var taskIDs: Set<String> = []

    init(knowsPlans: Bool) { self.knowsPlans = knowsPlans }

    /// Reads a message's blocks, a JSON array or the text of one.
    mutating func read(_ value: Any) throws(SlackRefusal) {
        var value = value
        if let text = value as? String {
            guard let parsed = try? JSONSerialization.jsonObject(with: Data(text.utf8)) else {
                throw SlackRefusal("invalid_blocks_format")
            }
            value = parsed
        }
        guard let blocks = value as? [Any] else { throw SlackRefusal("invalid_blocks_format") }
        if blocks.count > 50 { fail("no more than 50 items allowed", "/blocks") }
        for (index, block) in blocks.enumerated() { read(block: block, at: "/blocks/\(index)") }
        if kinds.contains("plan"), kinds.contains("task_card") {
            fail("plan and task_card cannot be in one message", "/blocks")
        }
        if kinds.count(where: { $0 == "plan" }) > 1 { fail("no more than 1 plan allowed", "/blocks") }
        guard errors.isEmpty else { throw SlackRefusal("invalid_blocks", errors) }
        // Not documented; Slack's developers name the figure in slackapi/bolt-js#2509.
        let size = (try? JSONSerialization.data(withJSONObject: blocks))?.count ?? 0
        guard size <= 13_200 else { throw SlackRefusal("msg_blocks_too_long") }
    }

    // MARK: - Blocks

    private mutating func read(block: Any, at path: String) {
        guard let block = block as? JSONObject else { return fail("must be an object", path) }
        guard let kind = block["type"] as? String else { return fail("missing required field: type", path) }
        kinds.append(kind)
        let id = readID(of: block, at: path)
        switch kind {
        case "divider": check(block, [], at: path)
        case "header":
            check(block, ["text"], needs: ["text"], at: path)
            readText(block["text"], ["plain_text"], 150, at: path + "/text")
        case "section": readSection(block, id, at: path)
        case "context":
            check(block, ["elements"], needs: ["elements"], at: path)
            for (element, path) in elements(of: block, upTo: 10, at: path) {
                if element["type"] as? String == "image" {
                    readImage(element, [], at: path)
                } else {
                    readText(element, ["plain_text", "mrkdwn"], 3000, at: path)
                }
            }
        case "actions":
            check(block, ["elements"], needs: ["elements"], at: path)
            var actions: Set<String> = []
            for (element, path) in elements(of: block, upTo: 25, at: path) {
                readButton(element, block: id, at: path)
                if let action = element["action_id"] as? String, !actions.insert(action).inserted {
                    fail("action_id `\(action)` already exists", path + "/action_id")
                }
            }
        case "image": readImage(block, ["title"], at: path)
        case "rich_text": readRichText(block, at: path)
        case "markdown":
            check(block, ["text"], needs: ["text"], at: path)
            readString(block["text"], 12_000, at: path + "/text", isShown: true)
        case "plan" where knowsPlans: readPlan(block, at: path)
        case "task_card" where knowsPlans: readTask(block, at: path)
        default: fail("unsupported type: \(kind)", path + "/type")
        }
    }

    private mutating func readID(of block: JSONObject, at path: String) -> String {
        guard let value = block["block_id"] else { return "b\(blockIDs.count)" }
        guard let id = value as? String, (1...255).contains(id.utf16.count) else {
            fail("must be between 1 and 255 characters", path + "/block_id")
            return ""
        }
        if blockIDs.contains(id) { fail("block_id `\(id)` already exists", path + "/block_id") }
        blockIDs.append(id)
        return id
    }

    private mutating func readSection(_ block: JSONObject, _ id: String, at path: String) {
        check(block, ["text", "fields", "accessory", "expand"], at: path)
        if block["text"] == nil, block["fields"] == nil { fail("missing required field: text", path) }
        if let text = block["text"] { readText(text, ["plain_text", "mrkdwn"], 3000, at: path + "/text") }
        if block["fields"] != nil {
            for (field, path) in elements(of: block, "fields", upTo: 10, at: path) {
                readText(field, ["plain_text", "mrkdwn"], 2000, at: path)
            }
        }
        guard let accessory = block["accessory"] else { return }
        guard let accessory = accessory as? JSONObject else { return fail("must be an object", path + "/accessory") }
        if accessory["type"] as? String == "image" {
            readImage(accessory, [], at: path + "/accessory")
        } else {
            readButton(accessory, block: id, at: path + "/accessory")
        }
    }

    private mutating func readImage(_ block: JSONObject, _ more: Set<String>, at path: String) {
        check(block, more.union(["image_url", "alt_text"]), needs: ["image_url", "alt_text"], at: path)
        if let url = block["image_url"] as? String, !isWebURL(url) { fail("invalid url", path + "/image_url") }
        readString(block["alt_text"], 2000, at: path + "/alt_text", isShown: false)
    }

    private mutating func readButton(_ button: JSONObject, block: String, at path: String) {
        guard button["type"] as? String == "button" else {
            // Slack knows more; nothing else is told here what they look like.
            return fail("unsupported type: \(button["type"] ?? "")", path + "/type")
        }
        check(
            button, ["text", "action_id", "url", "value", "style", "confirm", "accessibility_label"], needs: ["text"],
            at: path)
        readText(button["text"], ["plain_text"], 75, at: path + "/text", isShown: false)
        for (field, limit) in [("action_id", 255), ("value", 2000), ("accessibility_label", 75)]
        where button[field] != nil {
            readString(button[field], limit, at: "\(path)/\(field)", isShown: false)
        }
        if let url = button["url"] {
            readString(url, 3000, at: path + "/url", isShown: false)
            if let url = url as? String, !isWebURL(url) { fail("invalid url", path + "/url") }
        }
        checkStyle(of: button, at: path)
        buttons.append(
            FakeSlack.Button(
                action: button["action_id"] as? String ?? "", block: block, text: text(of: button["text"]),
                value: button["value"] as? String, url: button["url"] as? String, style: button["style"] as? String,
                confirmation: button["confirm"].flatMap { readConfirmation($0, at: path + "/confirm") }))
    }

    private mutating func readConfirmation(_ value: Any, at path: String) -> FakeSlack.Button.Confirmation? {
        guard let value = value as? JSONObject else {
            fail("must be an object", path)
            return nil
        }
        let fields = ["title", "text", "confirm", "deny"]
        check(value, Set(fields + ["style"]), needs: fields, isTyped: false, at: path)
        for (field, limit) in zip(fields, [100, 300, 30, 30]) where value[field] != nil {
            let kinds = field == "text" ? ["plain_text", "mrkdwn"] : ["plain_text"]
            readText(value[field], kinds, limit, at: "\(path)/\(field)", isShown: false)
        }
        checkStyle(of: value, at: path)
        return .init(
            title: text(of: value["title"]), text: text(of: value["text"]), confirm: text(of: value["confirm"]),
            deny: text(of: value["deny"]))
    }

    private mutating func checkStyle(of element: JSONObject, at path: String) {
        guard let style = element["style"] else { return }
        if !["primary", "danger"].contains(style as? String ?? "") {
            fail("must be one of `primary`, `danger`", path + "/style")
        }
    }

    // MARK: - Plans

    private mutating func readPlan(_ block: JSONObject, at path: String) {
        check(block, ["title", "tasks"], needs: ["title"], at: path)
        readString(block["title"], 3000, at: path + "/title", isShown: true)
        guard block["tasks"] != nil else { return }
        for (task, path) in elements(of: block, "tasks", upTo: 50, at: path) {
            if let kind = task["type"], kind as? String != "task_card" { fail("must be `task_card`", path + "/type") }
            _ = task["block_id"].map { _ in readID(of: task, at: path) }
            readTask(task, at: path)
        }
    }

    private mutating func readTask(_ task: JSONObject, at path: String) {
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

    private mutating func readRichText(_ block: JSONObject, at path: String) {
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

    // MARK: - Parts

    private mutating func check(
        _ object: JSONObject, _ fields: Set<String>, needs: [String] = [], isTyped: Bool = true, at path: String
    ) {
        for field in needs where object[field] == nil { fail("missing required field: \(field)", path) }
        let known = isTyped ? fields.union(["type", "block_id"]) : fields
        for field in object.keys.sorted() where !known.contains(field) {
            fail("no more than \(known.count) fields allowed; additional property: \(field)", path)
        }
    }

    private mutating func elements(
        of block: JSONObject, _ field: String = "elements", upTo limit: Int, at path: String
    ) -> [(JSONObject, String)] {
        guard let all = block[field] as? [Any] else {
            if block[field] != nil { fail("must be an array", "\(path)/\(field)") }
            return []
        }
        if all.isEmpty { fail("no less than 1 item allowed", "\(path)/\(field)") }
        if all.count > limit { fail("no more than \(limit) items allowed", "\(path)/\(field)") }
        return all.enumerated().compactMap { index, element in
            if let element = element as? JSONObject { return (element, "\(path)/\(field)/\(index)") }
            fail("must be an object", "\(path)/\(field)/\(index)")
            return nil
        }
    }

    private mutating func readText(
        _ value: Any?, _ kinds: [String], _ limit: Int, at path: String, isShown: Bool = true
    ) {
        guard let value else { return }
        guard let object = value as? JSONObject else { return fail("must be an object", path) }
        let kind = object["type"] as? String ?? ""
        guard kinds.contains(kind) else { return fail("unsupported type: \(kind)", path + "/type") }
        check(object, kind == "mrkdwn" ? ["text", "verbatim"] : ["text", "emoji"], needs: ["text"], at: path)
        readString(object["text"], limit, at: path + "/text", isShown: false)
        guard let text = object["text"] as? String else { return }
        if kind == "mrkdwn" { mentions += SlackText.mentions(in: text) }
        if isShown { shown.append(kind == "mrkdwn" ? SlackText.shown(text) : text) }
    }

    private mutating func readString(_ value: Any?, _ limit: Int, at path: String, isShown: Bool) {
        guard let value else { return }
        guard let text = value as? String else { return fail("must be a string", path) }
        if text.isEmpty { fail("must be more than 0 characters", path) }
        if text.utf16.count > limit { fail("must be less than \(limit + 1) characters", path) }
        if isShown { shown.append(text) }
    }

    private func text(of object: Any?) -> String { (object as? JSONObject)?["text"] as? String ?? "" }

    private mutating func fail(_ what: String, _ pointer: String) { errors.append("\(what) [json-pointer:\(pointer)]") }
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
