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
    private func command(_ behavior: ImageBehavior?) -> [String]? {
        guard case .image(let image) = behavior else { return nil }
        return image.command
    }

    @Test("an image is found by its reference, one with a digest also by name and tag")
    func references() async throws {
        try await inImageFolder { folder in
            let digest = "sha256:" + String(repeating: "a", count: 64)
            for name in ["local:5000/blog:v1", "local:5000/blog@\(digest)", "busy:latest"] {
                try writeImage(name, config: "{\"Entrypoint\": [\"\(name)\"]}", to: folder)
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
        try await inImageFolder { parent in
            try writeImage("secret:v1", config: "{}", to: parent)
            let folder = parent.appending(path: "images")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for reference in ["../secret:v1", "../../secret:v1", "./../secret:v1", "a.b/../../secret:v1"] {
                #expect(ImageFolder(folder.path).behavior(of: reference) == nil, "\(reference)")
            }
        }
    }

    @Test("links in an image's file system lead where they lead in the container")
    func links() async throws {
        try await inImageFolder { folder in
            try writeImage("a:1", config: "{}", files: ["rootfs/usr/bin/tool": "x"], to: folder)
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
        try await inImageFolder { folder in
            let passwd = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34:www:/var/www:/usr/sbin/nologin\n"
            let files = ["rootfs/etc/passwd": passwd, "rootfs/etc/group": "staff:x:50:\n"]
            try writeImage("a:1", config: "{}", files: files, to: folder)
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
}
