import Foundation
import Kubernetes

/// The part of OpenAPI that `kubectl apply` reads: the kinds that can be patched with server-side field validation.
/// With it, kubectl neither requests schemas nor refuses to continue without them.
enum OpenAPISchema {
    static func index(_ groupVersions: [String]) -> JSON {
        let paths = groupVersions.map {
            ($0, JSON.object(["serverRelativeURL": .string("/openapi/v3/\($0)?hash=sandbox")]))
        }
        return ["paths": .object(Dictionary(uniqueKeysWithValues: paths))]
    }

    static func document(_ groupVersion: String) -> JSON? {
        let parts = groupVersion.split(separator: "/").map(String.init)
        let group = parts.first == "apis" && parts.count == 3 ? parts[1] : ""
        guard groupVersion == "api/v1" || !group.isEmpty else { return nil }
        var paths: [String: JSON] = [:]
        for type in ResourceType.all where type.group == group {
            let scope = type.isNamespaced ? "namespaces/{namespace}/" : ""
            let parameters: JSON = .array(
                ["dryRun", "fieldManager", "fieldValidation", "force"].map {
                    ["name": .string($0), "in": "query", "schema": ["type": "string", "uniqueItems": true]]
                })
            paths["/\(groupVersion)/\(scope)\(type.plural)/{name}"] = [
                "patch": [
                    "parameters": parameters, "responses": ["200": ["description": "OK"]],
                    "x-kubernetes-action": "patch",
                    "x-kubernetes-group-version-kind": [
                        "group": .string(group), "version": .string(type.version), "kind": .string(type.kind),
                    ],
                ]
            ]
        }
        return [
            "openapi": "3.0.0", "info": ["title": "Kubernetes", "version": .string(ServerVersion.text)],
            "paths": .object(paths), "components": ["schemas": [:]],
        ]
    }
}

/// The same in OpenAPI version 2 and Protocol Buffers, the only form that kubectl up to 1.28 requests.
///
/// Messages and field numbers are those of `openapiv2/OpenAPIv2.proto` in github.com/google/gnostic-models.
enum OpenAPIVersion2 {
    static let contentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

    static let document: Data = {
        var paths = Message()
        for type in ResourceType.all {
            let scope = type.isNamespaced ? "namespaces/{namespace}/" : ""
            let root = type.group.isEmpty ? "/api/v1" : "/apis/\(type.groupVersion)"
            var item = Message()
            item.add(1, "\(root)/\(scope)\(type.plural)/{name}")
            item.add(2, Message { $0.add(8, patch(type)) })
            paths.add(2, item)
        }
        var document = Message()
        document.add(1, "2.0")
        document.add(
            2,
            Message {
                $0.add(1, "Kubernetes")
                $0.add(2, ServerVersion.text)
            })
        document.add(8, paths)
        document.add(9, Message())
        return document.bytes
    }()

    private static func patch(_ type: ResourceType) -> Message {
        var operation = Message()
        for name in ["dryRun", "fieldManager", "fieldValidation", "force"] {
            let query = Message {
                $0.add(2, "query")
                $0.add(4, name)
                $0.add(6, "string")
            }
            // ParametersItem { Parameter { NonBodyParameter { QueryParameterSubSchema } } }
            operation.add(8, Message { $0.add(1, Message { $0.add(2, Message { $0.add(3, query) }) }) })
        }
        let kind = "group: \"\(type.group)\"\nkind: \(type.kind)\nversion: \(type.version)\n"
        operation.add(
            13,
            Message {
                $0.add(1, "x-kubernetes-group-version-kind")
                $0.add(2, Message { $0.add(2, kind) })
            })
        return operation
    }

    /// Encodes a Protocol Buffers message whose fields are strings or messages.
    private struct Message {
        private(set) var bytes = Data()

        init(_ fill: (inout Message) -> Void = { _ in }) { fill(&self) }

        mutating func add(_ field: Int, _ text: String) { add(field, Data(text.utf8)) }

        mutating func add(_ field: Int, _ message: Message) { add(field, message.bytes) }

        private mutating func add(_ field: Int, _ content: Data) {
            // Wire type 2: the length, then the bytes.
            varint(field << 3 | 2)
            varint(content.count)
            bytes.append(content)
        }

        private mutating func varint(_ number: Int) {
            var rest = number
            while rest > 127 {
                bytes.append(UInt8(rest & 127 | 128))
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
    }
}
