/// A value that must not appear in logs, pages or process lists. Its description does not contain it.
package struct Secret: Sendable, Hashable {
    /// The secret itself.
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
