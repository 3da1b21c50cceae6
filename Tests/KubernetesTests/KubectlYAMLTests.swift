import Foundation
import Kubernetes
import Processes
import TestSupport
import Testing

@Suite("Pod templates compared with kubectl")
struct KubectlYAMLTests {
    @Test(
        "a template is read as kubectl reads it",
        .enabled(if: Kubectl.isInstalled, "kubectl is not on PATH"))
    func sameAsKubectl() async throws {
        #expect(Templates.accepted.count >= 100)
        let theirs = try await Kubectl.objects(of: Templates.accepted)
        for (number, text) in Templates.accepted.enumerated() {
            let ours = try JSON(yaml: Templates.file(number, text))
            #expect(ours["template"] == theirs["t\(number)"]?["template"], "\(text)")
        }
    }

    @Test(
        "three thousand words that look like numbers are read as kubectl reads them",
        .enabled(if: Kubectl.isInstalled, "kubectl is not on PATH"))
    func randomWords() async throws {
        let words = Templates.randomWords(3_000)
        let text = "  x:\n" + words.map { "  - \($0)\n" }.joined()
        let theirs = try await Kubectl.objects(of: [text])["t0"]?[at: "template.x"]?.array ?? []
        let ours = try JSON(yaml: Templates.file(0, text))[at: "template.x"]?.array ?? []
        #expect(ours.count == words.count && theirs.count == words.count)
        for (word, (mine, other)) in zip(words, zip(ours, theirs)) { #expect(mine == other, "\(word)") }
    }

    @Test(
        "what kubectl refuses we refuse, with its line", .enabled(if: Kubectl.isInstalled, "kubectl is not on PATH"),
        arguments: Templates.refused)
    func refusedByBoth(text: String) async throws {
        let theirs = try await Kubectl.run([text])
        #expect(!theirs.succeeded, "\(theirs.output)")
        let error = #expect(throws: InvalidYAML.self) { try JSON(yaml: Templates.file(0, text)) }
        // The snippet begins behind the six lines of the file's head.
        #expect((error?.line ?? 0) >= 7, "\(text): \(error?.description ?? "")")
    }

    @Test("YAML that kubectl resolves arbitrarily or silently is an error with its line")
    func refusedByUs() {
        let texts = [
            "  x: {a: 1, a: 2}", "  x: {1: a, \"1\": b}", "  x: {1.5: a}", "  <<: {a: 1}\n  <<: {b: 1}",
        ]
        for text in texts {
            let error = #expect(throws: InvalidYAML.self, "\(text)") { try JSON(yaml: Templates.file(0, text)) }
            #expect((error?.line ?? 0) >= 7, "\(text)")
        }
    }

    @Test("a file may hold one document only, with separators and comments around it")
    func documents() throws {
        #expect(try JSON(yaml: "---\n# nothing\n---\na: 1\n---\n") == ["a": 1])
        #expect(try JSON(yaml: "# nothing\n") == .null)
        let error = #expect(throws: InvalidYAML.self) { try JSON(yaml: "a: 1\n---\nb: 2\n") }
        #expect(error?.description == "line 3: a second document begins here; only one is allowed")
    }

    @Test("a small text with exponentially growing aliases is refused quickly")
    func bomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let aliases = repeatElement("*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let error = #expect(throws: InvalidYAML.self) { try JSON(yaml: text) }
        #expect(error?.problem.contains("check the aliases") == true)
        var deep = "a0: &a0 [x]\n"
        for level in 1...400 { deep += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(throws: InvalidYAML.self) { try JSON(yaml: deep) }
    }
}

private enum Kubectl {
    static let isInstalled = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/kubectl")
    }

    /// `kubectl create --dry-run=client -o json` of all templates at once, by their names.
    static func objects(of texts: [String]) async throws -> [String: JSON] {
        let done = try await run(texts)
        #expect(done.succeeded, "\(done.error)")
        var objects: [String: JSON] = [:]
        for text in done.output.components(separatedBy: "\n}\n") where !text.isEmpty {
            let object = try JSON(parsing: text + "}")
            objects[object[at: "metadata.name"]?.string ?? ""] = object
        }
        return objects
    }

    static func run(_ texts: [String]) async throws -> Completed {
        try await withFolder { folder in
            for (number, text) in texts.enumerated() {
                try folder.write("templates/t\(number).yaml", Templates.file(number, text))
            }
            return try await withServer { request, _ in
                discovery(request.path)
            } _: { server in
                var environment = ProcessInfo.processInfo.environment
                environment["HOME"] = folder.path
                environment["KUBECONFIG"] = "/dev/null"
                return try await Command(
                    "kubectl",
                    [
                        "--server", server.url, "--cache-dir", folder.path + "/cache", "create", "--dry-run=client",
                        "--validate=false", "-o", "json", "-f", folder.path + "/templates",
                    ], environment: environment
                ).run(deadline: .seconds(600))
            }
        }
    }

    /// The parts of an API server that kubectl needs for PodTemplates.
    private static func discovery(_ path: String) -> Reply {
        switch path {
        case "/version": .json(["major": "1", "minor": "32", "gitVersion": "v1.32.0"])
        case "/api": .json(["kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []])
        case "/apis": .json(["kind": "APIGroupList", "apiVersion": "v1", "groups": []])
        case "/api/v1":
            .json([
                "kind": "APIResourceList", "groupVersion": "v1",
                "resources": [
                    [
                        "name": "podtemplates", "singularName": "podtemplate", "namespaced": true,
                        "kind": "PodTemplate", "verbs": ["create"],
                    ]
                ],
            ])
        default: .status(404, "NotFound", "not found")
        }
    }
}

private enum Templates {
    static func file(_ number: Int, _ text: String) -> String {
        """
        apiVersion: v1
        kind: PodTemplate
        metadata:
          name: t\(number)
        # What a template may be, each for itself:
        template:
        \(text)

        """
    }

    /// The same ones each time.
    static func randomWords(_ count: Int) -> [String] {
        let letters = Array("00112789__++--..eExXbBoO:afinfNyY")
        var state: UInt64 = 2015
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var words: [String] = []
        while words.count < count {
            let word = String((0...next(9)).map { _ in letters[next(letters.count)] })
            // Text that is not a YAML scalar, and numbers that JSON does not have.
            guard !word.hasSuffix(":"), word.contains(where: { !"-.:".contains($0) }), !word.contains(".inf"),
                !word.lowercased().contains(".nan")
            else { continue }
            words.append(word)
        }
        return words
    }

    private static let words = [
        "10:30", "10:30:45", "190:20:30.15", "1:1", "0755", "0o755", "0O17", "08", "09.5", "-0755", "1_000", "1_000.5",
        "1__0", "1_", "_1", "0_7", "7e50100", "1e3", "1E3", "1e+3", "1e-3", "1e400", "-1e400", "1e-400", "1e21", "1e20",
        "1e18", "1e6", "0x1F", "0X1f", "0x", "0xg", "-0x1F", "0x1FFFFFFFFFFFFFFFFF", "0b1", "0B101", "-0b11", "0b",
        "0b2", "+5", "+.5", "-.5", ".5", ".5e3", ".5e999", ".1_0", "._5", "5.", "1.", "-1.e3", "1.0", "1.10", "0.1",
        "-0", "-0.0", "+0", "00", "1-2", "1.2.3", "20151025.143403", "123456789.123456789", "1.2345678901234567e18",
        "9007199254740993", "9007199254740993.0", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
        "+18446744073709551615", "0x1p-2", "y", "Y", "yes", "Yes", "YES", "yEs", "n", "N", "no", "NO", "on", "On",
        "ON", "off", "OFF", "true", "True", "TRUE", "tRUE", "false", "null", "Null", "NULL", "~", "nul", "\"\"", "''",
        "inf", "infinity", "NaN", ".infx", "2001-01-01", "2001-1-1", "2001-13-01", "2001-12-14 21:59:43",
        "2001-12-14t21:59:43.10-05:00", "'yes'", "\"1\"", "'0755'", "\".inf\"", "!!str 12", "!!str yes", "!!int \"5\"",
        "!!float 5", "!!float \"1e3\"", "!!bool yes", "!!null ~", "!!binary aGFsbG8=", "!other 12", "! 12", "<<", "=",
        "500m", "64Mi", "a: b".replacing(": ", with: ":"), "http://x/y?z#a", "é", "\"\\u00e9\\n\\t\\\\ \\x41\"",
        "[a, 1, [b], {c: 2}, ]", "{a: , b: 1}", "{}", "[]",
    ]

    static let accepted =
        [words.map { "- \($0)" }.joined(separator: "\n").indented(under: "  x:")]
        + words.map { "  x: \($0)" }
        + [
            """
              x-common: &common
                resources: {limits: {memory: 64Mi}}
                readinessProbe: {httpGet: {path: /up, port: 8080}}
              spec:
                containers: [{<<: *common, name: blog, image: "registry.local:5000/blog"}]
            """,
            "  spec: {env: [{name: START, value: 10:30}, {name: SHA, value: 7e50100}, {name: MODE, value: 0755}]}",
            "  metadata: {labels: {commit: 0755, build: 1_000, night: on}}",
            "  x: {<<: {a: 2, b: 3}, a: 1}",
            "  x: {a: 1, <<: {a: 2, b: 3}}",
            "  x: {a: 1, <<: {a: 2}, c: 3}",
            "  x: {<<: [{a: 1}, {a: 2, b: 2}], c: 3}",
            "  x: {<<: [{a: 1, <<: {d: 4}}, {a: 2, b: 2, d: 5}]}",
            "  x: {<<: {}, a: 1}",
            "  x: {<<: [], a: 1}",
            "  x: {\"<<\": {a: 1}}",
            "  x: {a: {x: 1}, <<: {a: {z: 2}}}",
            "  one: &one {a: 1}\n  two: &two {<<: *one, b: 2}\n  x: {<<: *two, c: 3}",
            "  one: &one {a: 1}\n  two: &two {a: 2, b: 2}\n  x: {<<: [*one, *two]}",
            "  one: &one [1, 2]\n  x: {a: *one, b: *one}",
            "  one: &one 0755\n  x: [*one, *one]",
            "  one: &a 1\n  two: *a\n  three: &a 2\n  four: *a",
            "  x: {1: a, true: b, off: c, 0755: d, 2001-01-01: e, -1: f}",
            "  x: {? a : b, ? \"c d\" : e}",
            "  ? a\n  : b",
            "  x: |\n    line 1\n      line 2\n\n    line 3\n",
            "  x: >-\n    folded\n    text\n\n    next\n",
            "  x: |+\n    kept\n\n  y: 1",
            "  x: plain text\n    over two lines",
            "  x: 1\n    2",
            "  x: \"quoted\n    over lines\\\n    and joined\"",
            "  # only a comment\n  x: 1 # behind it\n  y: a#b",
            "  x:\n  - a\n  -\n    - b\n  - - c\n    - d",
            "  x:\n  y: ~\n  z: ''",
            "  \"quoted key\": 1\n  'other': 2\n  plain key: 3",
            "  x: {a: \"{{ .Values.x }}\", b: '$(HOME)', c: \"*\"}",
            "  x: &anchor\n    deep: {er: [1, {est: *anchor2}]}".replacing("*anchor2", with: "x"),
            """
              spec:
                initContainers:
                - name: migrate
                  image: registry.local:5000/blog:v1
                  command: [/app, migrate, --timeout, 10:00]
                containers:
                - name: blog
                  image: registry.local:5000/blog:20151025.143403
                  args: ["--verbose", -1, +1, .5, no]
                  ports: [{containerPort: 8080}, {containerPort: 0x1F90}]
                  env:
                  - {name: A, value: "1"}
                  - {name: B, value: 'on'}
                  - name: SCRIPT
                    value: |
                      set -e
                      echo "10:30"
                  securityContext: {runAsUser: 1_000, runAsNonRoot: yes}
                volumes:
                - name: files
                  configMap: {name: files, defaultMode: 0644}
                terminationGracePeriodSeconds: 3e1
            """,
        ]

    static let refused = [
        "  x: .inf", "  x: [-.Inf]", "  x: .NaN", "  x: !!float .inf", "  x: {null: a}", "  x: {[a]: 1}",
        "  x: {18446744073709551615: a}", "  x: !!int abc", "  x: !!bool 3", "  x: !!null x", "  x: {<<: 1}",
        "  x: {<<: [1]}", "  x: {<<: [[{a: 1}]]}", "  x: *nowhere", "  x: {a: 1", "  x: [a\n  y: 1", "  x: a: b",
        "  x: \"open", "  x: @a", "  x:\n\ty: 1", "  x: &a [*a]", "  x: !!binary '*'",
    ]
}

extension String {
    fileprivate func indented(under key: String) -> String {
        key + "\n" + split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
    }
}
