import Processes

/// The installed ssh: its version and key exchanges decide which options it gets.
struct SSHClient: Sendable, Hashable {
    struct Version: Sendable, Hashable, Comparable {
        var major: Int
        var minor: Int

        static func < (one: Version, other: Version) -> Bool {
            (one.major, one.minor) < (other.major, other.minor)
        }
    }

    /// `OpenSSH_9.2p1`; `nil` for another implementation or without output.
    var name: String?
    var version: Version?
    /// The names of its key exchanges.
    var keyExchanges: Set<String>

    /// Supports `Include`, with which the user's configuration is placed between two parts of ours (OpenSSH's release notes, 7.3).
    static let oldest = Version(major: 7, minor: 3)
    /// Supports lists that begin with `^` and precede the default list (8.1).
    private static let prepends = Version(major: 8, minor: 1)
    /// Supports `RemoteCommand` (7.6).
    private static let hasRemoteCommand = Version(major: 7, minor: 6)
    private static let queryTimeout = Duration.seconds(5)

    /// The main cost of a connection is its key exchange. OpenSSH's default since 9.0, sntrup761x25519-sha512, takes the client about 80 ms
    /// of processor time; curve25519-sha256, in OpenSSH's portable C, 9 ms at each end; ecdh-sha2-nistp256, in OpenSSL's assembly, less
    /// than one. So the last is preferred, then the second, for servers without it. The trade-off: traffic recorded today (the node script
    /// and the nodes' output) could be decrypted by a future quantum computer.
    private static let fast = ["ecdh-sha2-nistp256", "curve25519-sha256", "curve25519-sha256@libssh.org"]

    /// Queries the program once. Options are used only if it reports support for them.
    static func query(_ program: String) async -> SSHClient {
        async let version = try? Command(program, ["-V"]).run(deadline: queryTimeout)
        async let list = try? Command(program, ["-Q", "kex"]).run(deadline: queryTimeout)
        let names = await list.flatMap { $0.succeeded ? $0.output : nil } ?? ""
        return SSHClient(
            banner: await version.map { $0.error + $0.output } ?? "",
            keyExchanges: Set(names.split(whereSeparator: \.isWhitespace).map(String.init)))
    }

    /// From the output of `ssh -V`.
    init(banner: String, keyExchanges: Set<String>) {
        self.keyExchanges = keyExchanges
        // `OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19`, `OpenSSH_for_Windows_8.1p1, LibreSSL 2.9.2`
        guard
            let word = banner.split(whereSeparator: { $0.isWhitespace || $0 == "," }).first(where: {
                $0.hasPrefix("OpenSSH_")
            })
        else { return }
        name = String(word)
        let numbers = word.split(separator: "_").last?.split(separator: ".").map { $0.prefix(while: \.isWholeNumber) }
        guard let numbers, numbers.count > 1, let major = Int(numbers[0]), let minor = Int(numbers[1]) else { return }
        version = Version(major: major, minor: minor)
    }

    /// The fast key exchanges that it supports; empty if it cannot prepend them to its list.
    var fastKeyExchanges: [String] {
        guard let version, version >= Self.prepends else { return [] }
        return Self.fast.filter(keyExchanges.contains)
    }

    var knowsRemoteCommand: Bool { version.map { $0 >= Self.hasRemoteCommand } ?? true }

    var isTooOld: Bool { version.map { $0 < Self.oldest } ?? false }
}
