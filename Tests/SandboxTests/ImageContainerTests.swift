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

/// Containers of images from a folder.
@Suite("containers of images")
struct ImageContainerTests {
    @Test("an image is found as soon as it is there; one that cannot be used says why")
    func late() async throws {
        try await inImageFolder { folder in
            try writeImage("local:5000/bad:v1", config: "{", to: folder)
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
                try writeImage("local:5000/late:v1", config: "{}", to: folder)
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
        try await inImageFolder { folder in
            let script = #"""
                trap 'exit 42' QUIT; cat greeting; pwd; echo "$WHO $MORE"; test -e /usr/bin/env && echo up
                while :; do sleep 0.1; done
                """#
            let config: JSON = [
                "Entrypoint": ["sh"], "Cmd": ["-c", .string(script)], "Env": ["WHO=image", "MORE=nothing"],
                "WorkingDir": "/code", "StopSignal": "SIGQUIT",
            ]
            try writeImage(
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
        try await inImageFolder { folder in
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
            try writeImage(
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
        try await inImageFolder { folder in
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
                try writeImage("images/local:5000/\(name(link)):v1", config: config.text, to: folder)
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

    @Test("a program that the image's file system does not have is a start error", .needsMounts)
    func noProgram() async throws {
        try await inImageFolder { folder in
            try writeImage(
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
