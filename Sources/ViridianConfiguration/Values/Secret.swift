/// A value that must not reach a log, a page or a process list. Printing it prints nothing of it.
package struct Secret: Sendable, Hashable {
    /// The secret itself, for the one place that needs it.
    package let value: String

    package init(_ value: String) {
        self.value = value
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "(secret)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
