extension String {
    /// The URL without user name and password, for messages.
    package var withoutUserInfo: String {
        guard let start = firstRange(of: "://")?.upperBound else { return self }
        let end = self[start...].firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? endIndex
        guard let at = self[start..<end].lastIndex(of: "@") else { return self }
        return String(self[..<start] + self[index(after: at)...])
    }
}
