import ReleaseMachine
import Testing

@testable import Server

@Suite("removeStrays over the API")
struct RemoveStraysTests {
    @Test(
        "is set only if the body has it", arguments: [(nil, nil), (false, nil), (true, true)] as [(Bool?, Bool?)])
    func asked(_ field: Bool?, _ order: Bool?) async throws {
        try await withServer { server in
            let more = field.map { #", "removeStrays": \#($0)"# } ?? ""
            let answer = try await server.deploy(more: more)
            #expect(answer.status == 201, "\(answer)")
            let release = try await server.release(1, in: .live)
            #expect(release.order.removeStrays == order)
        }
    }

    @Test("removeStrays has to be true or false")
    func refused() async throws {
        try await withServer { server in
            let answer = try await server.deploy(more: #", "removeStrays": "yes""#)
            #expect(
                answer.status == 422 && answer.message.contains("removeStrays has to be true or false"), "\(answer)")
        }
    }
}
