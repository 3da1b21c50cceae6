import Processes

/// The ssh that is installed here, by its own words: what it knows decides what it is told.
struct SSHClient: Sendable, Hashable {
    struct Version: Sendable, Hashable, Comparable {
        var major: Int
        var minor: Int

        static func < (one: Version, other: Version) -> Bool {
            (one.major, one.minor) < (other.major, other.minor)
        }
    }

    /// `OpenSSH_9.2p1`; `nil` where it is another's, or says nothing.
    var name: String?
    var version: Version?
    /// The names of the key exchanges that it was built with.
    var keyExchanges: Set<String>

    /// `Include`, without which people's own configuration could not stand between two parts of ours (OpenSSH's release notes, 7.3).
    static let oldest = Version(major: 7, minor: 3)
    /// A list that begins with `^` goes before the default one (8.1).
    private static let prepends = Version(major: 8, minor: 1)
    /// `RemoteCommand` (7.6).
    private static let hasRemoteCommand = Version(major: 7, minor: 6)
    private static let patience = Duration.seconds(5)

    /// What a connection costs is mostly its key exchange. OpenSSH's default since 9.0, sntrup761x25519-sha512, takes the client about 80 ms
    /// of processor time; curve25519-sha256, in OpenSSH's own portable C, 9 ms at each end; ecdh-sha2-nistp256, in OpenSSL's assembly,
    /// less than one. So the last comes first and the second next, for servers that do not have it. Given up is that somebody who records
    /// the traffic today and has a quantum computer one day cannot read the node script and what nodes answered.
    private static let fast = ["ecdh-sha2-nistp256", "curve25519-sha256", "curve25519-sha256@libssh.org"]

    /// Asks the program, once. What it does not say it is not asked to do later: speed is welcome, a connection is needed.
    static func asked(_ program: String) async -> SSHClient {
        async let version = try? Command(program, ["-V"]).run(deadline: patience)
        async let list = try? Command(program, ["-Q", "kex"]).run(deadline: patience)
        let names = await list.flatMap { $0.succeeded ? $0.output : nil } ?? ""
        return SSHClient(
            banner: await version.map { $0.error + $0.output } ?? "",
            keyExchanges: Set(names.split(whereSeparator: \.isWhitespace).map(String.init)))
    }

    /// From what `ssh -V` prints.
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

    /// The exchanges that cost little, of those that it has; none where it could not put them before its own list.
    var fastKeyExchanges: [String] {
        guard let version, version >= Self.prepends else { return [] }
        return Self.fast.filter(keyExchanges.contains)
    }

    var knowsRemoteCommand: Bool { version.map { $0 >= Self.hasRemoteCommand } ?? true }

    var isTooOld: Bool { version.map { $0 < Self.oldest } ?? false }
}
