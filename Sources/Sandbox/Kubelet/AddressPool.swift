/// The loopback addresses of the pods: 127.a.b.1 to 127.a.b.254, where a and b are the bytes of the API's port.
///
/// Sandboxes on a machine have different ports, so that they have different addresses. For ports of 1024 and higher, these
/// are outside 127.0.x.y, which other programs use.
actor AddressPool {
    private var prefix = ""
    private var used: Set<Int> = []
    private var last = 0

    /// Sets the addresses for the API's port. Called before the first pod starts.
    func configure(apiPort: Int) {
        prefix = "127.\(max(4, apiPort >> 8)).\(apiPort & 255)."
    }

    /// Allocates the address that has been free for the longest time; `nil` when none is free.
    func allocate() -> String? {
        for step in 1...254 {
            let number = (last + step - 1) % 254 + 1
            guard used.insert(number).inserted else { continue }
            last = number
            return prefix + String(number)
        }
        return nil
    }

    func release(_ address: String) {
        guard address.hasPrefix(prefix), let number = Int(address.dropFirst(prefix.count)) else { return }
        used.remove(number)
    }
}
