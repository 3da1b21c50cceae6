import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// A connection over TLS, with the current certificate at the time that it is opened.
struct TLSChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel
    private let certificates: Certificates

    init(_ base: HTTP1Channel, _ certificates: Certificates) {
        self.base = base
        self.certificates = certificates
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
