/// The loopback addresses of the sandbox's pods: 127.a.b.1 to 127.a.b.254, where a and b are the bytes of the API's port.
///
/// No two sandboxes on a machine have the same port at the same time, so no two have the same addresses; and ports below
/// 1024 aside, they are none that others use (127.0.x.y).
actor AddressPool {
    private var prefix = ""
    private var used: Set<Int> = []
    private var last = 0

    /// Says which port the API got, before the first pod comes.
    func settle(apiPort: Int) {
        prefix = "127.\(max(4, apiPort >> 8)).\(apiPort & 255)."
    }

    /// An address that was free for the longest time; `nil` when there is none.
    func take() -> String? {
        for step in 1...254 {
            let number = (last + step - 1) % 254 + 1
            guard used.insert(number).inserted else { continue }
            last = number
            return prefix + String(number)
        }
        return nil
    }

    func giveBack(_ address: String) {
        guard address.hasPrefix(prefix), let number = Int(address.dropFirst(prefix.count)) else { return }
        used.remove(number)
    }
}
