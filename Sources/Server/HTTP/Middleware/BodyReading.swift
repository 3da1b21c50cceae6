import HTTPTypes
import NIOCore

/// A body while it is read: kept up to its limit, and dropped from when it is refused.
struct BodyReading {
    /// The most bytes that are kept.
    private let limit: Int
    /// The most bytes of a refused body that are read, and dropped, before it is answered.
    private let mostDropped: Int
    /// Why the body is dropped.
    private var refusal: APIError?
    private var body = ByteBuffer()
    private var read = 0

    /// `refusal` is what is known before the first byte.
    init(limit: Int, mostDropped: Int, refusal: APIError?) {
        self.limit = limit
        self.mostDropped = mostDropped
        self.refusal = refusal
    }

    /// The bytes in memory.
    var kept: Int { body.readableBytes }

    /// `length` is the announced one.
    /// - Throws: `APIError` where nothing has to be read to answer.
    mutating func begin(length: Int?) throws(APIError) {
        guard let length else { return }
        if length > limit { refusal = refusal ?? tooLarge }
        if refusal != nil, length > mostDropped { try giveUp() }
    }

    /// - Throws: `APIError` for a body of which no more is read.
    mutating func add(_ part: ByteBuffer) throws(APIError) {
        read += part.readableBytes
        if refusal == nil {
            if read <= limit {
                body.writeImmutableBuffer(part)
            } else {
                try refuse(tooLarge)
            }
        }
        if refusal != nil, read > mostDropped { try giveUp() }
    }

    /// The rest is dropped.
    mutating func refuse(_ error: APIError) throws(APIError) {
        refusal = refusal ?? error
        body = ByteBuffer()
        if read > mostDropped { try giveUp() }
    }

    /// - Throws: `APIError` for a body that is refused.
    func end() throws(APIError) -> ByteBuffer {
        if let refusal { throw refusal }
        return body
    }

    /// The connection is closed after the answer: it has the rest of the body in it.
    private func giveUp() throws(APIError) {
        guard var refusal else { return }
        refusal.headers["Connection"] = "close"
        throw refusal
    }

    private var tooLarge: APIError {
        APIError(.contentTooLarge, "too_large", "the body is larger than \(limit >> 10) KiB")
    }
}
