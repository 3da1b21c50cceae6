import Foundation
import ReleaseMachine

/// A release as the outside sees it: the contract's JSON object.
struct ReleaseView: Codable {
    struct Previous: Codable {
        var color: Color
        var version: String
    }

    struct NodeView: Codable {
        var address: String
        var state: String
        var color: Color?
        var message: String?
    }

    struct PodView: Codable {
        var name: String
        var ready: Bool
        var reason: String?
        var restarts: Int
    }

    struct AbortView: Codable {
        var by: String
        var reason: String?
    }

    struct FailureView: Codable {
        var phase: Phase
        var message: String
        var details: [String]
    }

    var app: String
    var number: Int
    var version: String
    var image: String
    var color: Color?
    var previous: Previous?
    var state: Release.State
    var phase: Phase
    var replicas: Int?
    var requestedBy: String
    var reason: String?
    var createdAt: String
    var updatedAt: String
    var endedAt: String?
    var failure: FailureView?
    /// Who gave the release up, and why.
    var aborted: AbortView?
    var nodes: [NodeView]
    var pods: [PodView]
    var previewURL: String?
    var awaiting: String?
    var deadline: String?
    /// Nodes that `repair` has to bring back; empty when all is well.
    var needRepair: [String]

    init(_ release: Release) {
        let order = release.order
        app = order.app
        number = order.number
        version = order.version
        image = order.image
        color = release.candidate
        previous = release.previous.map { Previous(color: $0.color, version: $0.version) }
        state = release.state
        phase = release.phase
        replicas = release.survey?.replicas ?? order.replicas
        requestedBy = order.requestedBy
        reason = order.reason
        createdAt = release.createdAt.iso8601
        updatedAt = release.updatedAt.iso8601
        endedAt = release.endedAt?.iso8601
        failure = release.failure.map { FailureView(phase: $0.phase, message: $0.message, details: $0.details) }
        if case .aborted(let by, let reason) = release.cause { aborted = AbortView(by: by, reason: reason) }
        nodes = release.nodes.map {
            NodeView(address: $0.address, state: $0.state.rawValue, color: $0.color, message: $0.trouble)
        }
        pods = (release.pods?.pods ?? []).map {
            PodView(name: $0.name, ready: $0.isReady, reason: $0.reason, restarts: $0.restarts)
        }
        previewURL = order.rules.previewURL
        awaiting = release.state == .paused ? "promote" : nil
        deadline = release.verifyDeadline?.iso8601
        needRepair = release.needRepair.map(\.node)
    }
}

extension Timestamp {
    /// `2015-10-25T14:34:03.000Z`
    var iso8601: String {
        // Fractions of a second as a Double come out a millisecond short at times.
        let whole = Date(timeIntervalSince1970: Double(milliseconds.quotientRoundingDown(1000))).formatted(.iso8601)
        let rest = String(1000 + milliseconds - milliseconds.quotientRoundingDown(1000) * 1000).dropFirst()
        return "\(whole.dropLast()).\(rest)Z"
    }

    /// `14:34:03`, in this machine's time zone, for people.
    var clockTime: String {
        let parts = Calendar.current.dateComponents(
            [.hour, .minute, .second],
            from: Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        )
        return [parts.hour, parts.minute, parts.second].map { part in
            let text = String(part ?? 0)
            return text.count < 2 ? "0" + text : text
        }.joined(separator: ":")
    }
}

extension Int64 {
    fileprivate func quotientRoundingDown(_ divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : (self - divisor + 1) / divisor
    }
}

extension Encodable {
    /// One line of JSON with its keys in order.
    func jsonLine() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

extension Duration {
    /// `0.4s`, `12.3s`, `4m 05s`, `1h 02m`: for people.
    var short: String {
        let tenths = milliseconds / 100
        if tenths < 600 { return "\(tenths / 10).\(tenths % 10)s" }
        let seconds = milliseconds / 1000
        let two = { (number: Int64) in number < 10 ? "0\(number)" : "\(number)" }
        if seconds < 3600 { return "\(seconds / 60)m \(two(seconds % 60))s" }
        return "\(seconds / 3600)h \(two(seconds / 60 % 60))m"
    }
}
