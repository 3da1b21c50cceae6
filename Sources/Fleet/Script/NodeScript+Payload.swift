extension NodeScript {
    /// Named texts as one payload: each behind a line `=NAME`, its lines as `|TEXT`, and `/TEXT` where no line ends.
    static func sections(_ texts: [(name: String, text: [UInt8])]) -> [UInt8] {
        var payload: [UInt8] = []
        for (name, text) in texts {
            payload += Array("=\(name)\n".utf8)
            var rest = text[...]
            while let end = rest.firstIndex(of: 10) {
                payload.append(UInt8(ascii: "|"))
                payload += rest[...end]
                rest = rest[(end + 1)...]
            }
            if !rest.isEmpty {
                payload.append(UInt8(ascii: "/"))
                payload += rest
                payload.append(10)
            }
        }
        return payload
    }
}
