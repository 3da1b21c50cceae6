import Foundation

/// Memory of processes, from `/proc` (proc(5)).
enum ProcessMemory {
    /// Bytes that the processes of a group have in memory together.
    static func resident(group: Int32) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.filter { Int($0) != nil }.reduce(0) { sum, pid in
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = stat.lastIndex(of: ")")
            else { return sum }
            // After the name: state, parent, group, and 21 fields on from the state the pages in memory.
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            guard fields.count > 21, fields[2] == "\(group)", let pages = Int(fields[21]) else { return sum }
            return sum + pages * 4_096
        }
    }
}
