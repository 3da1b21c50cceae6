import Foundation
import Kubernetes
import Processes
import TestSupport
import Testing

@testable import Sandbox

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite("a folder of images")
struct ImageFolderTests {
    /// A folder of images, and beside it whatever a test needs.
    private func inAFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "images-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    /// Writes an image, and last its configuration, with which it is there.
    private func write(_ reference: String, config: String, files: [String: String] = [:], to folder: URL) throws {
        let image = folder.appending(path: reference)
        try FileManager.default.createDirectory(at: image, withIntermediateDirectories: true)
        for (path, text) in files {
            let file = image.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try Data(config.utf8).write(to: image.appending(path: "config.json"), options: .atomic)
    }

    private func command(_ behavior: ImageBehavior?) -> [String]? {
        guard case .image(let image) = behavior else { return nil }
        return image.command
    }

    // MARK: - Finding images and their files

    @Test("an image is found by its reference, one with a digest also by name and tag")
    func references() async throws {
        try await inAFolder { folder in
            let digest = "sha256:" + String(repeating: "a", count: 64)
            for name in ["local:5000/blog:v1", "local:5000/blog@\(digest)", "busy:latest"] {
                try write(name, config: "{\"Entrypoint\": [\"\(name)\"]}", to: folder)
            }
            let images = ImageFolder(folder.path)
            #expect(command(images.behavior(of: "local:5000/blog:v1")) == ["local:5000/blog:v1"])
            #expect(command(images.behavior(of: "local:5000/blog@\(digest)")) == ["local:5000/blog@\(digest)"])
            #expect(command(images.behavior(of: "local:5000/blog:v1@\(digest)")) == ["local:5000/blog:v1"])
            #expect(command(images.behavior(of: "busy")) == ["busy:latest"])
            for reference in ["local:5000/blog:v2", "local:5000/blog", "local:5000", "local:5000/blog:v2@\(digest)"] {
                #expect(images.behavior(of: reference) == nil, "\(reference)")
            }
        }
    }

    @Test("no reference leads out of the folder")
    func outside() async throws {
        try await inAFolder { parent in
            try write("secret:v1", config: "{}", to: parent)
            let folder = parent.appending(path: "images")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for reference in ["../secret:v1", "../../secret:v1", "./../secret:v1", "a.b/../../secret:v1"] {
                #expect(ImageFolder(folder.path).behavior(of: reference) == nil, "\(reference)")
            }
        }
    }

    @Test("links in an image's file system lead where they lead in the container")
    func links() async throws {
        try await inAFolder { folder in
            try write("a:1", config: "{}", files: ["rootfs/usr/bin/tool": "x"], to: folder)
            let root = folder.appending(path: "a:1/rootfs").path
            for (name, target) in [
                ("bin", "usr/bin"), ("tool", "/bin/tool"), ("up", "../../usr/../bin/tool"), ("loop", "/loop"),
                ("out", "/etc/passwd"),
            ] {
                try FileManager.default.createSymbolicLink(atPath: "\(root)/\(name)", withDestinationPath: target)
            }
            let files = ImageFiles.ownRoot(root)
            for path in ["/usr/bin/tool", "/bin/tool", "/tool", "/up", "/../bin/./tool"] {
                #expect(files.find(path) == root + "/usr/bin/tool", "\(path)")
            }
            for path in ["/loop", "/out", "/etc/passwd", "/bin/other"] { #expect(files.find(path) == nil, "\(path)") }
            #expect(files.find("/") == root)
        }
    }

    @Test("the user of an image, by name and by number, and the pod's word about it")
    func users() async throws {
        try await inAFolder { folder in
            let passwd = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34:www:/var/www:/usr/sbin/nologin\n"
            let files = ["rootfs/etc/passwd": passwd, "rootfs/etc/group": "staff:x:50:\n"]
            try write("a:1", config: "{}", files: files, to: folder)
            let root = ImageFiles.ownRoot(folder.appending(path: "a:1/rootfs").path)
            func user(_ name: String?, _ container: JSON = [:], _ pod: JSON = [:]) throws -> [String] {
                let image = ContainerImage(command: [], user: name, files: root)
                let user = try ContainerUser(
                    image, container: ["securityContext": container], pod: ["spec": ["securityContext": pod]])
                return ["\(user.user)", "\(user.group)", user.home]
            }
            let expected: [(String?, JSON, JSON, [String])] = [
                (nil, [:], [:], ["0", "0", "/root"]),
                ("www-data", [:], [:], ["33", "34", "/var/www"]),
                ("33", [:], [:], ["33", "34", "/var/www"]),
                ("33:33", [:], [:], ["33", "33", "/var/www"]),
                ("1000:staff", [:], [:], ["1000", "50", "/"]),
                ("www-data", ["runAsUser": 0], ["runAsUser": 5], ["0", "0", "/root"]),
                ("www-data", [:], ["runAsUser": 1001, "runAsGroup": 7], ["1001", "7", "/"]),
            ]
            for (name, container, pod, result) in expected {
                let found = try user(name, container, pod)
                #expect(found == result, "\(name ?? "nobody")")
            }
            for (name, message) in [
                ("nobody", "unable to find user nobody: no matching entries in passwd file"),
                ("root:none", "unable to find group none: no matching entries in group file"),
            ] {
                let error = #expect(throws: ContainerConfigError.self) { try user(name) }
                #expect(error?.message == message)
            }
            let root0 = #expect(throws: ContainerConfigError.self) { try user(nil, ["runAsNonRoot": true]) }
            #expect(root0?.message == "container has runAsNonRoot and image will run as root")
        }
    }

    // MARK: - Running them

    @Test("an image is found as soon as it is there; one that cannot be used says why")
    func late() async throws {
        try await inAFolder { folder in
            try write("local:5000/bad:v1", config: "{", to: folder)
            try await withSandbox {
                $0.images = ImageFolder(folder.path).images
            } _: { cluster, kubectl in
                func apply(_ name: String, _ image: String) async throws {
                    let pod = Samples.pod(name, "sleep 1000").replacing("busybox", with: image)
                    try await kubectl("apply", "-f", "-", input: pod)
                }
                try await apply("bad", "local:5000/bad:v1")
                try await apply("late", "local:5000/late:v1")
                for name in ["bad", "late"] {
                    let pod = try await cluster.waitFor(.pods, name) {
                        $0[at: "status.containerStatuses"]?[0]?[at: "state.waiting.reason"] == "ErrImagePull"
                    }
                    let message = pod[at: "status.containerStatuses"]?[0]?[at: "state.waiting.message"]?.string ?? ""
                    let reason = name == "bad" ? "bad:v1/config.json is not a JSON object" : "late:v1: not found"
                    #expect(message.hasSuffix(reason), "\(message)")
                }
                try write("local:5000/late:v1", config: "{}", to: folder)
                _ = try await cluster.waitFor(.pods, "late", within: .seconds(60)) { $0.isReady }
            }
        }
    }

    /// Fails the liveness probe, and with it restarts the container, while the file `sick` is in the image's folder `/code`.
    private static let pod = """
        apiVersion: v1
        kind: Pod
        metadata: {name: main, namespace: blog}
        spec:
          terminationGracePeriodSeconds: 30
          containers:
          - name: main
            image: local:5000/blog:v1
            env: [{name: MORE, value: from the pod}]
            livenessProbe:
              exec: {command: [sh, -c, "test ! -e /code/sick"]}
              periodSeconds: 1
              failureThreshold: 1

        """

    private func log(_ kubectl: Kubectl, until line: String) async throws -> [String] {
        var lines: [String] = []
        for _ in 0..<300 where lines.last != line {
            lines = try await kubectl("logs", "main", "-n", "blog").split(separator: "\n").map(String.init)
        }
        return lines
    }

    @Test(
        "a program of this machine sees the image's files over the machine's, and gets the image's stop signal",
        .needsMounts)
    func overThisMachine() async throws {
        try await inAFolder { folder in
            let script = #"""
                trap 'exit 42' QUIT; cat greeting; pwd; echo "$WHO $MORE"; test -e /usr/bin/env && echo up
                while :; do sleep 0.1; done
                """#
            let config: JSON = [
                "Entrypoint": ["sh"], "Cmd": ["-c", .string(script)], "Env": ["WHO=image", "MORE=nothing"],
                "WorkingDir": "/code", "StopSignal": "SIGQUIT",
            ]
            try write(
                "local:5000/blog:v1", config: config.text, files: ["files/code/greeting": "hello\n"], to: folder)
            try await withSandbox {
                $0.images = ImageFolder(folder.path).images
            } _: { cluster, kubectl in
                try await kubectl("apply", "-f", "-", input: Self.pod)
                let lines = try await log(kubectl, until: "up")
                #expect(lines == ["hello", "/code", "image from the pod", "up"])
                let sick = folder.appending(path: "local:5000/blog:v1/files/code/sick")
                try Data().write(to: sick)
                let restarted = try await cluster.waitFor(.pods, "main", within: .seconds(60)) {
                    ($0[at: "status.containerStatuses"]?[0]?["restartCount"]?.integer ?? 0) > 0
                }
                let ending = restarted[at: "status.containerStatuses"]?[0]?[at: "lastState.terminated.exitCode"]
                #expect(ending == 42)
                try FileManager.default.removeItem(at: sick)
            }
        }
    }

    @Test("an image with its own file system sees nothing else, and does not change it", .needsMounts)
    func ownRoot() async throws {
        try await inAFolder { folder in
            let script = #"""
                trap 'exit 42' QUIT; echo "$HOME $(pwd) $(id -u):$(id -g)"
                for path in /root/.profile /usr/bin/env /work /code/sick; do test ! -e $path || echo "sees $path"; done
                echo x >/dev/null && echo z >>/proc/self/fd/1 && echo y >/tmp/y && ls /tmp /proc/self/status
                grep -c main /etc/hosts; test ! -w /code || echo z >/code/new; echo up
                while :; do sleep 0.1; done
                """#
            let config: JSON = [
                "Cmd": ["sh", "-c", .string(script)], "WorkingDir": "/made/for/it", "StopSignal": "QUIT", "User": "app",
                "Env": ["PATH=/bin"],
            ]
            let image = folder.appending(path: "local:5000/blog:v1")
            try await SmallRoot.make(
                at: image.appending(path: "rootfs"), programs: ["sh", "ls", "id", "sleep", "grep"])
            try write(
                "local:5000/blog:v1", config: config.text,
                files: ["rootfs/etc/passwd": "app:x:1234:1235::/home/app:/bin/sh\n", "rootfs/code/old": ""], to: folder)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o777], ofItemAtPath: image.appending(path: "rootfs/code").path)
            try await withSandbox {
                $0.images = ImageFolder(folder.path).images
            } _: { cluster, kubectl in
                try await kubectl("apply", "-f", "-", input: Self.pod)
                let lines = try await log(kubectl, until: "up")
                #expect(
                    lines == ["/home/app /made/for/it 1234:1235", "z", "/proc/self/status", "/tmp:", "y", "1", "up"])
                let files = try FileManager.default.contentsOfDirectory(atPath: image.path + "/rootfs/code")
                #expect(files == ["old"])
                let process = try #require(await cluster.process(namespace: "blog", pod: "main", container: "main"))
                try await kubectl("delete", "pod", "main", "-n", "blog", "--timeout=60s")
                #expect(kill(-process, 0) == -1)
                let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
                #expect(!mounts.contains(folder.lastPathComponent) && !mounts.contains("viridian-sandbox-"))
            }
        }
    }

    @Test("an image's links never lead what is made for its container into this machine's files", .needsMounts)
    func linksOut() async throws {
        try await inAFolder { folder in
            let outside = folder.appending(path: "outside")
            try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: true)
            try Data("yours\n".utf8).write(to: outside.appending(path: "hosts"))
            let program = folder.appending(path: "program")
            try await SmallRoot.make(at: program, programs: ["sh", "grep"])
            // Each is a link to that folder, or to a file in it.
            let links = ["dev": "", "etc": "", "proc": "", "sys": "", "tmp": "", "work": "", "etc/hosts": "/hosts"]
            func name(_ link: String) -> String { link.replacing("/", with: "-") }
            for (link, file) in links {
                let image = folder.appending(path: "images/local:5000/\(name(link)):v1")
                let place = image.appending(path: "rootfs/\(link)")
                try FileManager.default.createDirectory(at: image, withIntermediateDirectories: true)
                try FileManager.default.copyItem(at: program, to: image.appending(path: "rootfs"))
                try FileManager.default.createDirectory(
                    at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: outside.path + file)
                let config: JSON = [
                    "Cmd": ["sh", "-c", "grep -c localhost /etc/hosts"], "Env": ["PATH=/bin"],
                    "WorkingDir": link == "work" ? "/work/made" : "/",
                ]
                try write("images/local:5000/\(name(link)):v1", config: config.text, to: folder)
            }
            try await withSandbox {
                $0.images = ImageFolder(folder.path + "/images").images
            } _: { cluster, kubectl in
                for link in links.keys.sorted() {
                    let pod = """
                        apiVersion: v1
                        kind: Pod
                        metadata: {name: \(name(link)), namespace: blog}
                        spec: {restartPolicy: Never, containers: [{name: main, image: "local:5000/\(name(link)):v1"}]}

                        """
                    try await kubectl("apply", "-f", "-", input: pod)
                    let ended = try await cluster.waitFor(.pods, name(link), within: .seconds(600)) {
                        $0[at: "status.containerStatuses"]?[0]?[at: "state.terminated.exitCode"] != nil
                    }
                    let code = ended[at: "status.containerStatuses"]?[0]?[at: "state.terminated.exitCode"]?.integer
                    let log = try await kubectl("logs", name(link), "-n", "blog")
                    switch link {
                    // It has a file of its own there.
                    case "etc/hosts": #expect(code == 0 && log == "2\n", "\(link): \(log)")
                    // The program cannot begin in a directory that the image does not have.
                    case "work": #expect(code != 0 && log.contains("/work/made"), "\(link): \(log)")
                    default:
                        #expect(code == 126, "\(link): \(log)")
                        #expect(log == "the image's /\(link) is a link, which is not supported\n", "\(link)")
                    }
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path) == ["hosts"])
            #expect(try String(contentsOf: outside.appending(path: "hosts"), encoding: .utf8) == "yours\n")
        }
    }

    @Test("two images have two ids, which differ where people look; one with a digest has that")
    func ids() {
        func id(_ image: String) -> String {
            var state = ContainerState(["name": "main", "image": .string(image)])
            state.instance = "1"
            return state.json["imageID"]?.string ?? ""
        }
        let ids = (1...20).map { id("registry.local:5000/www:v\($0)") }
        #expect(Set(ids.map { $0.prefix("sandbox://sha256:".count + 6) }).count == 20, "\(ids)")
        #expect(ids.allSatisfy { $0.wholeMatch(of: /sandbox:\/\/sha256:[0-9a-f]{64}/) != nil }, "\(ids)")
        #expect(id("busybox") == id("docker.io/library/busybox:latest"))
        let digest = "sha256:" + String(repeating: "a", count: 64)
        #expect(id("registry.local:5000/www:v1@\(digest)") == "sandbox://" + digest)
    }

    @Test("a program that the image's file system does not have is a start error", .needsMounts)
    func noProgram() async throws {
        try await inAFolder { folder in
            try write(
                "local:5000/blog:v1", config: #"{"Cmd": ["/usr/bin/env"]}"#, files: ["rootfs/etc/passwd": ""],
                to: folder)
            try await withSandbox {
                $0.images = ImageFolder(folder.path).images
            } _: { cluster, kubectl in
                try await kubectl("apply", "-f", "-", input: Self.pod)
                let pod = try await cluster.waitFor(.pods, "main") {
                    $0[at: "status.containerStatuses"]?[0]?[at: "lastState.terminated.reason"] == "StartError"
                }
                let ending = pod[at: "status.containerStatuses"]?[0]?[at: "lastState.terminated.message"]?.string ?? ""
                #expect(ending.contains("exec: \"/usr/bin/env\": stat /usr/bin/env: no such file or directory"))
            }
        }
    }
}

/// A root directory with a few of this machine's programs, and the libraries that they load.
private enum SmallRoot {
    static func make(at root: URL, programs: [String]) async throws {
        let files = FileManager.default
        try files.createDirectory(at: root.appending(path: "bin"), withIntermediateDirectories: true)
        for name in programs {
            let program = try #require(Executable.find(name))
            try files.copyItem(
                at: URL(filePath: program).resolvingSymlinksInPath(), to: root.appending(path: "bin/\(name)"))
            let loaded = try await Command("ldd", [program]).run(deadline: .seconds(60)).output
            for word in loaded.split(whereSeparator: \.isWhitespace) where word.hasPrefix("/") {
                let copy = root.appending(path: String(word))
                guard !files.fileExists(atPath: copy.path) else { continue }
                try files.createDirectory(at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
                try files.copyItem(at: URL(filePath: String(word)).resolvingSymlinksInPath(), to: copy)
            }
        }
    }
}
