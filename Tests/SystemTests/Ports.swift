import Nginx
import Sandbox

/// Free ports of this machine, each given to one test of this process only.
actor Ports {
    static let shared = Ports()

    private var given: Set<Int> = []

    enum Exhausted: Error { case noPortIsFree }

    func some(_ count: Int) throws -> [Int] {
        try (0..<count).map { _ in try take(from: Array(18_000...29_999)) }
    }

    /// A pair of ports, of which blue's ends in 0 and green's in 1.
    func nodePorts() throws -> PortPair {
        for blue in Array(stride(from: 30_010, to: 32_760, by: 10)).shuffled()
        where isFree(blue) && isFree(blue + 1) {
            given.formUnion([blue, blue + 1])
            return PortPair(blue: blue, green: blue + 1)
        }
        throw Exhausted.noPortIsFree
    }

    private func take(from range: [Int]) throws -> Int {
        for _ in 0..<1_000 {
            if let port = range.randomElement(), isFree(port) {
                given.insert(port)
                return port
            }
        }
        throw Exhausted.noPortIsFree
    }

    private func isFree(_ port: Int) -> Bool { !given.contains(port) && FreePorts.isFree(port) }
}
