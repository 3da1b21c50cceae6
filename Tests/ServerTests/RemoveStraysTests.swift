import ReleaseMachine
import Testing

@testable import Server

@Suite("A deploy over the API that may delete pods which belong to nobody")
struct RemoveStraysTests {
    @Test(
        "is one only where the body says so", arguments: [(nil, nil), (false, nil), (true, true)] as [(Bool?, Bool?)])
    func asked(_ field: Bool?, _ order: Bool?) async throws {
        try await withServer { server in
            let more = field.map { #", "removeStrays": \#($0)"# } ?? ""
            let answer = try await server.deploy(more: more)
            #expect(answer.status == 201, "\(answer)")
            let release = try await server.release(1, in: .live)
            #expect(release.order.removeStrays == order)
        }
    }

    @Test("and nothing but true and false says so")
    func refused() async throws {
        try await withServer { server in
            let answer = try await server.deploy(more: #", "removeStrays": "yes""#)
            #expect(
                answer.status == 422 && answer.message.contains("removeStrays has to be true or false"), "\(answer)")
        }
    }
}
