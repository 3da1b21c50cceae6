import Foundation
import Integrations
import Simulator
import Testing

@Suite("Deliveries after random changes") struct DeliveryFuzzTests {
    private static var hostile: [Any] {
        [
            "; rm -rf /", "$(reboot)", "../../etc/passwd", "v2\u{0}", "v2\u{1B}[2J", "\u{202E}", "é", "", " ", "-v",
            "sha256:" + String(repeating: "a", count: 64), "sha256-" + String(repeating: "a", count: 64) + ".sig",
            String(repeating: "x", count: 300), "blog:v2", "registry.local/blog", "javascript:alert(1)",
            "https://mike:s3cret@gitlab.domain.com/", "https://domain.com/\r\nx: y", "v2\n", "BLOG", "blog//x",
            Int64.max, -1, 1e300, true, NSNull(), [Any](), [String: Any](), ["v2"], ["tag": "v2"],
        ]
    }

    @Test("2,000 damaged deliveries crash nothing and name nothing that is no name")
    func staysValid() throws {
        let deliveries = try RecordedDelivery.all()
        var random = SeededGenerator(seed: 12)
        var readings = 0, events = 0
        for _ in 0..<2000 {
            let delivery = deliveries[random.below(deliveries.count)]
            var request = delivery.request
            let isStillJSON = random.chance(60) && request.body.first == UInt8(ascii: "{")
            if isStillJSON {
                request.body = try Self.replaced(request.body, &random)
            } else {
                request.body = Self.damaged(request.body, &random)
            }
            let name = request.headers.keys.sorted().randomElement(using: &random)
            if random.chance(10), let name {
                request.headers[name] = "push\u{1B}[31m" + String(repeating: "x", count: 99)
            }
            let sender = random.chance(90) ? delivery.sender : HookSender.allCases[random.below(6)]
            let reading: HookReading
            do {
                reading = try sender.read(request)
            } catch {
                #expect(Self.isPlain(error.message), "\(error.message)")
                #expect(!isStillJSON || !error.message.contains("the body is not"), "\(error.message)")
                continue
            }
            readings += 1
            events += reading.events.count
            for event in reading.events { Self.check(event) }
            for sentence in reading.ignored + [reading.kind] { #expect(Self.isPlain(sentence), "\(sentence)") }
            if let key = reading.key { #expect(key.wholeMatch(of: #/[!-~]{1,128}/#) != nil) }
        }
        #expect(readings > 800 && events > 200, "the changes leave something to read")
    }

    // MARK: - What is valid, by expressions of the specifications

    private static func check(_ event: HookEvent) {
        switch event {
        case .pushed(let image):
            // OCI distribution specification 1.1, "Pulling manifests".
            let part = #/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*/#
            #expect(image.repository.wholeMatch(of: part) != nil, "\(image.repository)")
            #expect(image.tag.wholeMatch(of: #/[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}/#) != nil, "\(image.tag)")
            if let digest = image.digest {
                #expect(digest.wholeMatch(of: #/sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})/#) != nil)
            }
            if let host = image.host {
                #expect(host.wholeMatch(of: #/(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?/#) != nil, "\(host)")
            }
            if let commit = image.commit { #expect(commit.wholeMatch(of: #/[!-~]{1,128}/#) != nil) }
            check([image.source], by: image.by)
        case .built(let pipeline):
            check(project: pipeline.project, commit: pipeline.commit, ref: pipeline.ref)
            check([pipeline.url, pipeline.projectURL], by: pipeline.by)
        case .deploymentRequested(let deployment):
            check(project: deployment.project, commit: deployment.commit, ref: deployment.ref ?? "dev")
            #expect(isPlain(deployment.environment))
            if let version = deployment.version {
                #expect(version.wholeMatch(of: #/[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}/#) != nil)
            }
            check([deployment.url, deployment.projectURL], by: deployment.by)
        }
    }

    private static func check(project: String, commit: String, ref: String) {
        #expect(project.wholeMatch(of: #/[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+/#) != nil)
        #expect(commit.wholeMatch(of: #/[0-9a-f]{7,64}/#) != nil, "\(commit)")
        #expect(isPlain(ref) && !ref.contains(" ") && !ref.hasPrefix("-"), "\(ref)")
    }

    private static func check(_ links: [String?], by person: String?) {
        for link in links.compactMap(\.self) {
            #expect(link.wholeMatch(of: #/https?:\/\/[^\s@\/]+(?:[\/?#][!-~]*)?/#) != nil, "\(link)")
        }
        if let person { #expect(isPlain(person)) }
    }

    /// Nothing that a terminal or a page would act on, and nothing that fills one.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.count <= 400
            && text.unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
    }

    // MARK: - Changes

    /// Bits, bytes and pieces, anywhere.
    private static func damaged(_ body: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var body = body
        for _ in 0...random.below(4) where !body.isEmpty {
            let place = random.below(body.count)
            let piece = body[place..<min(body.count, place + random.below(200))]
            switch random.below(6) {
            case 0: body[place] ^= 1 << UInt8(random.below(8))
            case 1: body.remove(at: place)
            case 2: body.insert(UInt8(random.below(256)), at: place)
            case 3: body.insert(contentsOf: piece, at: random.below(body.count))
            case 4: body.removeSubrange(piece.indices)
            default: body.removeLast(random.below(body.count))
            }
        }
        return body
    }

    /// Values, and names of members, that are something else.
    private static func replaced(_ body: [UInt8], _ random: inout SeededGenerator) throws -> [UInt8] {
        var value = try JSONSerialization.jsonObject(with: Data(body))
        for _ in 0...random.below(4) { value = changed(value, &random) }
        return [UInt8](try JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed]))
    }

    private static func changed(_ value: Any, _ random: inout SeededGenerator) -> Any {
        if var object = value as? [String: Any], let name = object.keys.sorted().randomElement(using: &random) {
            if random.chance(5) { object[name] = nil } else { object[name] = changed(object[name] as Any, &random) }
            return object
        }
        if var array = value as? [Any], !array.isEmpty {
            let index = random.below(array.count)
            array[index] = changed(array[index], &random)
            if random.chance(10) { array.append(array[index]) }
            return array
        }
        return hostile[random.below(hostile.count)]
    }
}
