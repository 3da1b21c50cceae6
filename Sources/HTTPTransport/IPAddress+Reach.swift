extension IPAddress {
    /// Whose an address is.
    package enum Reach: Sendable, Hashable {
        /// Anybody's on the Internet.
        case `public`
        /// Of this machine.
        case loopback
        /// Of a private network, or of a provider's (RFC 1918, 4193, 6598).
        case `private`
        /// Of this machine's link; there, machines in clouds find their own credentials (RFC 3927, 4291).
        case linkLocal
        /// Nobody's: unspecified, multicast, reserved.
        case none
    }

    /// An address of IPv6 that leads to one of IPv4 is what that one is.
    package var reach: Reach {
        if let embedded { return embedded.reach }
        return Self.ranges.first { $0.range.contains(self) }?.reach ?? .public
    }

    /// IANA's registries of special addresses: https://www.iana.org/assignments/iana-ipv4-special-registry,
    /// https://www.iana.org/assignments/iana-ipv6-special-registry
    private static let ranges: [(range: IPRange, reach: Reach)] = [
        ("127.0.0.0/8", .loopback), ("::1/128", .loopback),
        ("10.0.0.0/8", .private), ("172.16.0.0/12", .private), ("192.168.0.0/16", .private),
        ("100.64.0.0/10", .private), ("192.0.0.0/24", .private), ("198.18.0.0/15", .private),
        ("169.254.0.0/16", .linkLocal), ("fe80::/10", .linkLocal),
        // The metadata of EC2's machines, which is in the range of private addresses.
        ("fd00:ec2::254/128", .linkLocal),
        ("fc00::/7", .private), ("fec0::/10", .private), ("64:ff9b:1::/48", .private), ("2001::/23", .private),
        ("0.0.0.0/8", .none), ("224.0.0.0/4", .none), ("240.0.0.0/4", .none), ("::/128", .none), ("ff00::/8", .none),
    ].compactMap { (text, reach) in IPRange(text).map { ($0, reach) } }

    /// The IPv4 address that it leads to, by translation (RFC 6052), a tunnel (RFC 3056), or because it is written as IPv6 (RFC 4291).
    private var embedded: IPAddress? {
        guard bytes.count == 16 else { return nil }
        if bytes.starts(with: [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]) { return IPAddress(Array(bytes[12...])) }
        if bytes.starts(with: [0x20, 0x02]) { return IPAddress(Array(bytes[2..<6])) }
        let isCompatible = bytes.starts(with: Array(repeating: 0, count: 12)) && !isLoopback
        return isCompatible && bytes[12...] != [0, 0, 0, 0] ? IPAddress(Array(bytes[12...])) : nil
    }
}
