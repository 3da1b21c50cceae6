extension OpenAPI {
    static let parameters = """
        "App": {"name": "app", "in": "path", "required": true, "schema": {"type": "string"}},
        "Number": {"name": "number", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 1}},
        "IfNoneMatch": {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
        """

    static let responses = [
        ("Malformed", "The body is not a JSON object"), ("Unauthorized", "No token, or one that is not good"),
        ("Forbidden", "The token may not do that"), ("NotFound", "There is nothing of that name"),
        ("Conflict", "It does not apply now, with why; error.release is the release that stands in the way"),
        ("TooLarge", "The body is larger than 64 KiB"), ("UnsupportedMediaType", "The body is not application/json"),
        ("InvalidValue", "A value that cannot be; error.field names it"),
        ("TooManyFailures", "Too many bad tokens from one address; Retry-After tells when to come back"),
        ("Unavailable", "Cluster or journal cannot be used now, or the server is stopping"),
    ].map { name, description in
        """
        "\(name)": {"description": "\(description)", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Error"}}}}
        """
    }.joined(separator: ",\n")

    static let schemas = [inSchemas, releaseSchema, eventSchemas, appSchemas, otherSchemas].joined(separator: ",\n")

    private static let inSchemas = """
        "Error": {"type": "object", "required": ["error"], "properties": {"error": {
          "type": "object", "required": ["code", "message"], "properties": {
            "code": {"type": "string", "description": "Stable, for programs"},
            "message": {"type": "string", "description": "What happened and what to do"},
            "field": {"type": "string"},
            "release": {"type": "integer"}}}}},
        "Ready": {"type": "object", "required": ["ready", "journal", "cluster"], "properties": {
          "ready": {"type": "boolean"}, "journal": {"type": "string"}, "cluster": {"type": "string"}}},
        "Deploy": {"type": "object", "required": ["version"], "additionalProperties": false, "properties": {
          "version": {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
            "description": "The tag of the app's image"},
          "image": {"type": "string", "nullable": true, "pattern": "^[a-z0-9][a-z0-9./:@_-]*$",
            "description": "A whole image reference instead"},
          "replicas": {"type": "integer", "nullable": true, "minimum": 1, "maximum": 10000},
          "verify": {"type": "boolean", "nullable": true, "description": "Pause before the switch until somebody promotes"},
          "reason": {"type": "string", "nullable": true, "maxLength": 500},
          "commitTime": {"type": "string", "nullable": true, "format": "date-time",
            "pattern": "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$",
            "description": "When the newest change in it was committed, for the lead time"},
          "removeStrays": {"type": "boolean", "nullable": true,
            "description": "Delete pods that belong to nobody and would answer as the candidate's, instead of stopping there"}}},
        "NewToken": {"type": "object", "required": ["name", "role"], "additionalProperties": false, "properties": {
          "name": {"type": "string", "minLength": 1, "maxLength": 64},
          "role": {"type": "string", "enum": ["viewer", "deployer", "admin"]},
          "apps": {"type": "array", "nullable": true, "minItems": 1,
            "description": "Apps that there are", "items": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$"}},
          "expiresInDays": {"type": "integer", "nullable": true, "minimum": 1, "maximum": 3650}}},
        "Color": {"type": "string", "enum": ["blue", "green"]},
        "Phase": {"type": "string", "enum": ["discovering", "creating", "starting", "staging", "verifying", "switching",
          "draining", "retiring", "done"]},
        "State": {"type": "string", "enum": ["running", "paused", "live", "failed", "aborted", "rolledBack", "superseded"]}
        """

    private static let releaseSchema = """
        "Release": {"type": "object",
          "required": ["app", "number", "kind", "version", "image", "state", "phase", "requestedBy", "createdAt",
            "updatedAt", "phases", "nodes", "pods", "needRepair", "sequence"],
          "properties": {
            "app": {"type": "string"},
            "number": {"type": "integer"},
            "kind": {"type": "string", "enum": ["deploy", "rollback"]},
            "version": {"type": "string"},
            "image": {"type": "string"},
            "color": {"$ref": "#/components/schemas/Color"},
            "previous": {"type": "object", "required": ["color", "version"], "properties": {
              "color": {"$ref": "#/components/schemas/Color"}, "version": {"type": "string"}}},
            "state": {"$ref": "#/components/schemas/State"},
            "phase": {"$ref": "#/components/schemas/Phase"},
            "replicas": {"type": "integer"},
            "requestedBy": {"type": "string"},
            "reason": {"type": "string"},
            "createdAt": {"type": "string", "format": "date-time"},
            "updatedAt": {"type": "string", "format": "date-time"},
            "endedAt": {"type": "string", "format": "date-time"},
            "commitTime": {"type": "string", "format": "date-time"},
            "phases": {"type": "array", "items": {"type": "object", "required": ["phase", "startedAt"], "properties": {
              "phase": {"$ref": "#/components/schemas/Phase"},
              "startedAt": {"type": "string", "format": "date-time"},
              "endedAt": {"type": "string", "format": "date-time"},
              "milliseconds": {"type": "integer"}}}},
            "failure": {"type": "object", "required": ["phase", "message", "details"], "properties": {
              "phase": {"$ref": "#/components/schemas/Phase"}, "message": {"type": "string"},
              "details": {"type": "array", "items": {"type": "string"}}}},
            "promotedBy": {"type": "string"},
            "aborted": {"type": "object", "required": ["by"], "properties": {
              "by": {"type": "string"}, "reason": {"type": "string"}}},
            "nodes": {"type": "array", "items": {"type": "object", "required": ["address", "state"], "properties": {
              "address": {"type": "string"},
              "state": {"type": "string", "enum": ["pending", "staged", "switched", "reverted", "unreachable", "failed"]},
              "color": {"$ref": "#/components/schemas/Color"},
              "message": {"type": "string"}}}},
            "pods": {"type": "array", "items": {"type": "object", "required": ["name", "ready", "restarts"], "properties": {
              "name": {"type": "string"}, "ready": {"type": "boolean"}, "reason": {"type": "string"},
              "restarts": {"type": "integer"}}}},
            "previewURL": {"type": "string"},
            "awaiting": {"type": "string", "enum": ["promote"]},
            "deadline": {"type": "string", "format": "date-time"},
            "needRepair": {"type": "array", "items": {"type": "string"}},
            "leftovers": {"type": "array", "items": {"type": "object", "required": ["kind", "color", "version"],
              "properties": {"kind": {"type": "string", "enum": ["workload", "record"]},
                "color": {"$ref": "#/components/schemas/Color"}, "version": {"type": "string"},
                "message": {"type": "string"}}}},
            "retainedUntil": {"type": "string", "format": "date-time"},
            "trouble": {"type": "string"},
            "sequence": {"type": "integer"}}},
        "Event": {"type": "object", "required": ["sequence", "at", "event", "text", "state", "phase"], "properties": {
          "sequence": {"type": "integer"},
          "at": {"type": "string", "format": "date-time"},
          "event": {"$ref": "#/components/schemas/EventFields"},
          "text": {"type": "array", "items": {"type": "string"}, "description": "What people read of it"},
          "state": {"$ref": "#/components/schemas/State"},
          "phase": {"$ref": "#/components/schemas/Phase"}}},
        "JournalEvent": {"type": "object", "required": ["sequence", "at", "event"], "properties": {
          "sequence": {"type": "integer"}, "at": {"type": "integer"}, "event": {"type": "object"}}}
        """

    private static let appSchemas = """
        "App": {"type": "object", "required": ["app", "namespace", "colors", "nodes", "advice", "astray"], "properties": {
          "app": {"type": "string"},
          "namespace": {"type": "string"},
          "live": {"type": "object", "required": ["color", "version"], "properties": {
            "color": {"$ref": "#/components/schemas/Color"}, "version": {"type": "string"}, "release": {"type": "integer"}}},
          "colors": {"type": "object", "additionalProperties": {
            "type": "object", "required": ["version", "image", "replicas", "ready"], "properties": {
              "version": {"type": "string"}, "image": {"type": "string"}, "replicas": {"type": "integer"},
              "ready": {"type": "integer"}, "release": {"type": "integer"}}}},
          "nodes": {"type": "array", "items": {"type": "object", "required": ["address"], "properties": {
            "address": {"type": "string"}, "color": {"$ref": "#/components/schemas/Color"}, "message": {"type": "string"}}}},
          "release": {"$ref": "#/components/schemas/Release"},
          "awaiting": {"type": "string", "enum": ["promote"]},
          "advice": {"type": "array", "items": {"type": "string"}},
          "astray": {"type": "array", "items": {"type": "string"}},
          "seenAt": {"type": "string", "format": "date-time"},
          "trouble": {"type": "string"}}},
        "NodeRoute": {"type": "object", "required": ["app", "address", "state"], "properties": {
          "app": {"type": "string"}, "address": {"type": "string"}, "color": {"$ref": "#/components/schemas/Color"},
          "live": {"$ref": "#/components/schemas/Color"},
          "state": {"type": "string", "enum": ["ok", "edited", "astray", "new", "unclear", "down", "unreachable"]},
          "message": {"type": "string"}}},
        "Repair": {"type": "object", "required": ["app", "live", "nodes", "whole", "dryRun"], "properties": {
          "app": {"type": "string"},
          "live": {"type": "object", "required": ["color", "version"], "properties": {
            "color": {"$ref": "#/components/schemas/Color"}, "version": {"type": "string"}}},
          "nodes": {"type": "array", "items": {"type": "object", "required": ["address", "outcome", "before"],
            "properties": {"address": {"type": "string"},
              "outcome": {"type": "string", "enum": ["wasRight", "broughtBack", "wouldBeBroughtBack", "stillAstray"]},
              "before": {"type": "string"}, "message": {"type": "string"}}}},
          "removed": {"$ref": "#/components/schemas/Color"},
          "whole": {"type": "boolean", "description": "Every node routes to the live colour now"},
          "dryRun": {"type": "boolean", "description": "Nothing was done: removed is what would be deleted"}}}
        """

    private static let otherSchemas = """
        "AuditEntry": {"type": "object", "required": ["id", "at", "who", "action", "origin", "outcome"], "properties": {
          "id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}, "who": {"type": "string"},
          "token": {"type": "string", "description": "The id of the token; absent for what was done on the command line"},
          "action": {"type": "string"}, "app": {"type": "string"}, "release": {"type": "integer"},
          "origin": {"type": "string"}, "reason": {"type": "string"},
          "outcome": {"type": "string", "enum": ["done", "refused"]}, "detail": {"type": "string"}}},
        "Token": {"type": "object", "required": ["id", "name", "role", "state", "createdAt", "createdBy"], "properties": {
          "id": {"type": "string"}, "token": {"type": "string"}, "name": {"type": "string"},
          "role": {"type": "string", "enum": ["viewer", "deployer", "admin"]},
          "apps": {"type": "array", "items": {"type": "string"}},
          "state": {"type": "string", "enum": ["good", "expired", "revoked"]},
          "createdAt": {"type": "string", "format": "date-time"}, "createdBy": {"type": "string"},
          "expiresAt": {"type": "string", "format": "date-time"}, "usedAt": {"type": "string", "format": "date-time"},
          "revokedAt": {"type": "string", "format": "date-time"}}},
        "PhaseTime": {"type": "object", "required": ["phase", "seconds"], "properties": {
          "phase": {"$ref": "#/components/schemas/Phase"}, "seconds": {"type": "number"}}},
        "Measures": {"type": "object",
          "required": ["deployments", "perDay", "changes", "failedChanges", "outcomes", "phases"], "properties": {
            "deployments": {"type": "integer"}, "perDay": {"type": "number"}, "leadTimeSeconds": {"type": "number"},
            "changes": {"type": "integer"}, "failedChanges": {"type": "integer"}, "changeFailureRate": {"type": "number"},
            "timeToRestoreSeconds": {"type": "number"},
            "outcomes": {"type": "object", "additionalProperties": {"type": "integer"}},
            "phases": {"type": "array", "items": {"$ref": "#/components/schemas/PhaseTime"}},
            "slowestPhase": {"$ref": "#/components/schemas/PhaseTime"}}},
        "Statistics": {"type": "object", "required": ["days", "overall", "apps"], "properties": {
          "days": {"type": "integer"}, "overall": {"$ref": "#/components/schemas/Measures"},
          "apps": {"type": "array", "items": {"type": "object", "required": ["app", "measures"], "properties": {
            "app": {"type": "string"}, "measures": {"$ref": "#/components/schemas/Measures"}}}}}}
        """
}
