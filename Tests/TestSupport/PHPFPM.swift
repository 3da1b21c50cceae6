import Foundation
import Processes

/// The FastCGI server of PHP. Its name has PHP's version in it.
package enum PHPFPM {
    /// The newest that is here.
    package static var program: String? {
        let folder = "/usr/sbin/"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("php-fpm") && Executable.find(folder + $0) != nil }
            .max { $0.compare($1, options: .numeric) == .orderedAscending }.map { folder + $0 }
            ?? Executable.find("php-fpm")
    }
}
