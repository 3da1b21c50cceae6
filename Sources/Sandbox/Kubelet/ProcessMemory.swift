import Foundation

/// The memory of processes, from `/proc` (proc(5)).
enum ProcessMemory {
    /// The resident memory of a process group's processes, in bytes.
    static func resident(group: Int32) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.filter { Int($0) != nil }.reduce(0) { sum, pid in
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = stat.lastIndex(of: ")")
            else { return sum }
            // Fields after the name: state, parent, group; field 21 after the state is the resident pages.
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            guard fields.count > 21, fields[2] == "\(group)", let pages = Int(fields[21]) else { return sum }
            return sum + pages * 4_096
        }
    }
}
