extension OpenAPI {
    /// `EventFields` and its parts.
    static let eventSchemas = """
        "EventFields": {"type": "object", "required": ["type"],
          "description": "What happened: type names it, the other members are those that such an event has",
          "properties": {
            "type": {"type": "string", "description": "More may come", "example": "nodeSwitched"},
            "by": {"type": "string"}, "reason": {"type": "string"},
            "node": {"type": "string"}, "nodes": {"type": "array", "items": {"type": "string"}},
            "color": {"$ref": "#/components/schemas/Color"},
            "phase": {"$ref": "#/components/schemas/Phase"},
            "until": {"type": "string", "format": "date-time"},
            "milliseconds": {"type": "integer"},
            "message": {"type": "string"}, "details": {"type": "array", "items": {"type": "string"}},
            "effect": {"type": "string", "description": "What was being done when it went wrong"},
            "step": {"type": "string", "enum": ["stage", "change", "revert"]},
            "unreachable": {"type": "boolean"},
            "source": {"type": "string", "description": "The node or pod that said the line"},
            "line": {"type": "string"},
            "release": {"type": "integer", "description": "The release that took this one's place"},
            "rolledBack": {"type": "boolean"},
            "order": {"type": "object", "required": ["app", "number", "kind", "version", "image", "verify", "requestedBy", "rules"],
              "properties": {
                "app": {"type": "string"}, "number": {"type": "integer"},
                "kind": {"type": "string", "enum": ["deploy", "rollback"]},
                "from": {"type": "integer", "description": "The release whose version a rollback leaves"},
                "version": {"type": "string"}, "image": {"type": "string"}, "replicas": {"type": "integer"},
                "verify": {"type": "boolean"}, "removeStrays": {"type": "boolean"}, "requestedBy": {"type": "string"}, "reason": {"type": "string"},
                "commitTime": {"type": "string", "format": "date-time"},
                "rules": {"type": "object", "description": "Lengths of time are as in a configuration, such as 10m"}}},
            "survey": {"type": "object", "required": ["candidate", "replicas", "nodes", "unreachable"], "properties": {
              "live": {"type": "object", "required": ["color", "version"], "properties": {
                "color": {"$ref": "#/components/schemas/Color"}, "version": {"type": "string"}}},
              "candidate": {"$ref": "#/components/schemas/Color"}, "replicas": {"type": "integer"},
              "nodes": {"type": "array", "items": {"type": "string"}},
              "unreachable": {"type": "array", "items": {"type": "object", "required": ["node", "message"], "properties": {
                "node": {"type": "string"}, "message": {"type": "string"}}}}}},
            "pods": {"type": "object", "required": ["ready", "desired", "pods", "warnings", "images"], "properties": {
              "ready": {"type": "integer"}, "desired": {"type": "integer"},
              "pods": {"type": "array", "items": {"type": "object", "required": ["name", "ready", "restarts"], "properties": {
                "name": {"type": "string"}, "ready": {"type": "boolean"}, "reason": {"type": "string"},
                "restarts": {"type": "integer"}}}},
              "warnings": {"type": "array", "items": {"type": "string"}},
              "images": {"type": "array", "items": {"type": "object", "required": ["image", "pods"], "properties": {
                "image": {"type": "string"}, "id": {"type": "string"}, "pods": {"type": "integer"}}}}}},
            "readings": {"type": "array", "items": {"type": "object", "required": ["node", "unreachable", "new", "down"],
              "properties": {
              "node": {"type": "string"}, "color": {"$ref": "#/components/schemas/Color"}, "unreachable": {"type": "boolean"},
              "new": {"type": "boolean"}, "down": {"type": "boolean"}, "message": {"type": "string"}}}},
            "open": {"type": "array", "items": {"type": "object", "required": ["node"], "properties": {
              "node": {"type": "string"}, "connections": {"type": "integer"}, "oldWorkers": {"type": "integer"}}}}}}
        """
}
