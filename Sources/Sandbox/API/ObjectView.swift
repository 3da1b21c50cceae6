import Foundation
import HTTPTypes
import Hummingbird
import Kubernetes

/// The representation of objects that a client requested: objects, or a table (`kubectl get`).
struct ObjectView {
    private let type: ResourceType
    private let isTable: Bool
    /// What each row includes: `Object`, `Metadata` or `None`.
    private let includeObject: String
    private var hasSentColumns = false

    init(_ request: Request, _ info: RequestInfo, _ type: ResourceType) {
        self.type = type
        isTable = (request.headers[.accept] ?? "").contains("as=Table")
        includeObject = info.query["includeObject"] ?? "Metadata"
    }

    func object(_ object: JSON) -> JSON {
        isTable && object["kind"]?.string != "Status" ? table([object], revision: object.meta.resourceVersion) : object
    }

    func list(_ objects: [JSON], revision: Int) -> JSON {
        if isTable { return table(objects, revision: String(revision)) }
        return [
            "kind": .string(type.kind + "List"), "apiVersion": .string(type.groupVersion),
            "metadata": ["resourceVersion": .string(String(revision))], "items": .array(objects),
        ]
    }

    /// A line of a watch. Only the first table has column definitions.
    mutating func event(_ event: StoreEvent) -> JSON {
        var object = event.object
        if isTable, event.kind != .error {
            object = table(event.kind == .bookmark ? [] : [object], revision: object.meta.resourceVersion)
            if hasSentColumns { object["columnDefinitions"] = .null }
            hasSentColumns = true
        }
        return ["type": .string(event.kind.rawValue), "object": object]
    }

    private func table(_ objects: [JSON], revision: String) -> JSON {
        let layout = TableLayout.of(type)
        let now = Date()
        return [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1",
            "metadata": ["resourceVersion": .string(revision)],
            "columnDefinitions": .array(
                layout.columns.map {
                    [
                        "name": .string($0.name), "type": .string($0.type), "format": $0.name == "Name" ? "name" : "",
                        "description": .string($0.name), "priority": .int($0.isWide ? 1 : 0),
                    ]
                }),
            "rows": .array(objects.map { ["cells": .array(layout.cells($0, now)), "object": attached($0)] }),
        ]
    }

    private func attached(_ object: JSON) -> JSON {
        switch includeObject {
        case "Object": object
        case "None": .null
        default:
            [
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"] ?? [:],
            ]
        }
    }
}
