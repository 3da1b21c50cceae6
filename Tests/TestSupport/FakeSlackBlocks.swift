import Foundation

/// Blocks, as strict as Slack: https://docs.slack.dev/reference/block-kit/blocks
struct SlackBlocks {
    /// Slack knows `plan` and `task_card`; older installations and other programs do not.
    var knowsPlans = true

    private(set) var kinds: [String] = []
    private(set) var blockIDs: [String] = []
    var shown: [String] = []
    private(set) var buttons: [FakeSlack.Button] = []
    var mentions: [String] = []
    private var errors: [String] = []
    var taskIDs: Set<String> = []

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

    mutating func readID(of block: JSONObject, at path: String) -> String {
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

    // MARK: - Parts

    mutating func check(
        _ object: JSONObject, _ fields: Set<String>, needs: [String] = [], isTyped: Bool = true, at path: String
    ) {
        for field in needs where object[field] == nil { fail("missing required field: \(field)", path) }
        let known = isTyped ? fields.union(["type", "block_id"]) : fields
        for field in object.keys.sorted() where !known.contains(field) {
            fail("no more than \(known.count) fields allowed; additional property: \(field)", path)
        }
    }

    mutating func elements(
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

    mutating func readString(_ value: Any?, _ limit: Int, at path: String, isShown: Bool) {
        guard let value else { return }
        guard let text = value as? String else { return fail("must be a string", path) }
        if text.isEmpty { fail("must be more than 0 characters", path) }
        if text.utf16.count > limit { fail("must be less than \(limit + 1) characters", path) }
        if isShown { shown.append(text) }
    }

    private func text(of object: Any?) -> String { (object as? JSONObject)?["text"] as? String ?? "" }

    mutating func fail(_ what: String, _ pointer: String) { errors.append("\(what) [json-pointer:\(pointer)]") }
}
