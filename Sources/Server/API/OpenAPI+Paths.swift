extension OpenAPI {
    static let paths = [healthPaths, appPaths, releasePaths, otherPaths].joined(separator: ",\n")

    private static let healthPaths = """
        "/healthz": {"get": {"summary": "The server runs", "security": [], "responses": {
          "200": {"description": "It does", "content": {"text/plain": {"schema": {"type": "string"}}}}}}},
        "/readyz": {"get": {"summary": "A release could begin", "security": [], "responses": {
          "200": {"description": "Journal and cluster answer", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Ready"}}}},
          "503": {"description": "One of them does not", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Ready"}}}}}}},
        "/metrics": {"get": {"summary": "Counters in Prometheus' text format", "security": [], "responses": {
          "200": {"description": "All of them", "content": {"text/plain": {"schema": {"type": "string"}}}},
          "401": {"$ref": "#/components/responses/Unauthorized"}}}},
        "/openapi.json": {"get": {"summary": "This description", "security": [], "responses": {
          "200": {"description": "OpenAPI 3.0.3", "content": {"application/json": {"schema": {"type": "object"}}}},
          "401": {"$ref": "#/components/responses/Unauthorized"}}}}
        """

    private static let appPaths = """
        "/api/v1/apps": {"get": {"summary": "Every app that the token sees",
          "parameters": [{"$ref": "#/components/parameters/IfNoneMatch"}],
          "responses": {
            "200": {"description": "In the configuration's order", "headers": {"ETag": {"schema": {"type": "string"}}},
              "content": {"application/json": {"schema": {"type": "object", "required": ["apps"],
                "properties": {"apps": {"type": "array", "items": {"$ref": "#/components/schemas/App"}}}}}}},
            "304": {"description": "Nothing changed since the answer with that ETag"},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/apps/{app}": {
          "parameters": [{"$ref": "#/components/parameters/App"}],
          "get": {"summary": "One app, with cluster and nodes asked now unless they just were",
          "responses": {
            "200": {"description": "What serves now", "content": {"application/json": {
              "schema": {"$ref": "#/components/schemas/App"}}}},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/apps/{app}/rollback": {
          "parameters": [{"$ref": "#/components/parameters/App"}],
          "post": {"summary": "Go back to the version before, or to another one that was live; a running release is aborted",
          "requestBody": {"required": false, "content": {"application/json": {"schema": {
            "type": "object", "additionalProperties": false, "properties": {
              "to": {"type": "string", "nullable": true, "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
                "description": "A version that was live"},
              "reason": {"type": "string", "nullable": true, "maxLength": 500}}}}}},
          "responses": {
            "202": {"description": "It has begun", "content": {"application/json": {
              "schema": {"$ref": "#/components/schemas/Release"}}}},
            "400": {"$ref": "#/components/responses/Malformed"},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "409": {"$ref": "#/components/responses/Conflict"},
            "413": {"$ref": "#/components/responses/TooLarge"},
            "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
            "422": {"$ref": "#/components/responses/InvalidValue"},
            "429": {"$ref": "#/components/responses/TooManyFailures"},
            "503": {"$ref": "#/components/responses/Unavailable"}}}},
        "/api/v1/apps/{app}/repair": {
          "parameters": [{"$ref": "#/components/parameters/App"}],
          "post": {"summary": "Bring nodes that are astray back to the live colour",
          "requestBody": {"required": false, "content": {"application/json": {"schema": {
            "type": "object", "additionalProperties": false, "properties": {
              "dryRun": {"type": "boolean", "nullable": true, "description": "Only say what would be done"}}}}}},
          "responses": {
            "200": {"description": "What was found and done", "content": {"application/json": {
              "schema": {"$ref": "#/components/schemas/Repair"}}}},
            "400": {"$ref": "#/components/responses/Malformed"},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "409": {"$ref": "#/components/responses/Conflict"},
            "413": {"$ref": "#/components/responses/TooLarge"},
            "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
            "422": {"$ref": "#/components/responses/InvalidValue"},
            "429": {"$ref": "#/components/responses/TooManyFailures"},
            "503": {"$ref": "#/components/responses/Unavailable"}}}}
        """

    private static let releasePaths = """
        "/api/v1/apps/{app}/releases": {
          "parameters": [{"$ref": "#/components/parameters/App"}],
          "get": {"summary": "The app's releases, the newest first",
            "parameters": [
              {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 20}},
              {"name": "before", "in": "query", "description": "Only releases with a lower number",
                "schema": {"type": "integer", "minimum": 1, "maximum": 9007199254740991}}],
            "responses": {
              "200": {"description": "A page", "content": {"application/json": {"schema": {
                "type": "object", "required": ["releases"], "properties": {
                  "releases": {"type": "array", "items": {"$ref": "#/components/schemas/Release"}},
                  "next": {"type": "integer", "description": "The value of before for the next page"}}}}}},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "422": {"$ref": "#/components/responses/InvalidValue"},
              "429": {"$ref": "#/components/responses/TooManyFailures"}}},
          "post": {"summary": "Start a release; answers when it has begun",
            "parameters": [{"name": "Idempotency-Key", "in": "header",
              "description": "The same key and body again: the same release, also after a restart",
              "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}}],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "$ref": "#/components/schemas/Deploy"}}}},
            "responses": {
              "201": {"description": "The release", "headers": {"Location": {"schema": {"type": "string"}},
                  "Idempotent-Replayed": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Release"}}}},
              "400": {"$ref": "#/components/responses/Malformed"},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "409": {"$ref": "#/components/responses/Conflict"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
              "422": {"$ref": "#/components/responses/InvalidValue"},
              "429": {"$ref": "#/components/responses/TooManyFailures"},
              "503": {"$ref": "#/components/responses/Unavailable"}}}},
        "/api/v1/apps/{app}/releases/{number}": {
          "parameters": [{"$ref": "#/components/parameters/App"}, {"$ref": "#/components/parameters/Number"}],
          "get": {"summary": "One release",
            "parameters": [{"$ref": "#/components/parameters/IfNoneMatch"}],
            "responses": {
              "200": {"description": "As its newest event left it", "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Release"}}}},
              "304": {"description": "Nothing happened since the answer with that ETag"},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/apps/{app}/releases/{number}/events": {
          "parameters": [{"$ref": "#/components/parameters/App"}, {"$ref": "#/components/parameters/Number"}],
          "get": {"summary": "What happened; with Accept: text/event-stream also what is still to happen",
            "description": "As a stream each message is an event with its number as id, and the last one is of type end.",
            "parameters": [
              {"name": "after", "in": "query", "description": "Only events after this one",
                "schema": {"type": "integer", "minimum": 0, "maximum": 9007199254740991}},
              {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 5000, "default": 1000}},
              {"name": "form", "in": "query", "schema": {"type": "string", "enum": ["journal"]},
                "description": "journal: as the journal has them, for viridian's own command line of the same version. \
        What is in them then is no interface."},
              {"name": "Last-Event-ID", "in": "header", "description": "As after, for streams that go on",
                "schema": {"type": "string"}}],
            "responses": {
              "200": {"description": "A page, or the stream", "content": {
                "application/json": {"schema": {"type": "object", "required": ["events"], "properties": {
                  "events": {"type": "array", "items": {"anyOf": [
                    {"$ref": "#/components/schemas/Event"}, {"$ref": "#/components/schemas/JournalEvent"}]}},
                  "next": {"type": "integer", "description": "The value of after for the next page"}}}},
                "text/event-stream": {"schema": {"type": "string"}}}},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "422": {"$ref": "#/components/responses/InvalidValue"},
              "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/apps/{app}/releases/{number}/promote": {
          "parameters": [{"$ref": "#/components/parameters/App"}, {"$ref": "#/components/parameters/Number"}],
          "post": {"summary": "Move the traffic to a release that waits for verification",
            "requestBody": {"required": false, "content": {"application/json": {"schema": {
              "type": "object", "additionalProperties": false, "properties": {}}}}},
            "responses": {
              "202": {"description": "The word is in the journal", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Release"}}}},
              "400": {"$ref": "#/components/responses/Malformed"},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "409": {"$ref": "#/components/responses/Conflict"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
              "422": {"$ref": "#/components/responses/InvalidValue"},
              "429": {"$ref": "#/components/responses/TooManyFailures"},
              "503": {"$ref": "#/components/responses/Unavailable"}}}},
        "/api/v1/apps/{app}/releases/{number}/abort": {
          "parameters": [{"$ref": "#/components/parameters/App"}, {"$ref": "#/components/parameters/Number"}],
          "post": {"summary": "Give a running release up: its candidate goes, traffic stays or comes back",
            "requestBody": {"required": false, "content": {"application/json": {"schema": {
              "type": "object", "additionalProperties": false, "properties": {
                "reason": {"type": "string", "nullable": true, "maxLength": 500}}}}}},
            "responses": {
              "202": {"description": "The word is in the journal", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Release"}}}},
              "400": {"$ref": "#/components/responses/Malformed"},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "409": {"$ref": "#/components/responses/Conflict"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
              "422": {"$ref": "#/components/responses/InvalidValue"},
              "429": {"$ref": "#/components/responses/TooManyFailures"},
              "503": {"$ref": "#/components/responses/Unavailable"}}}}
        """

    private static let otherPaths = """
        "/api/v1/nodes": {"get": {"summary": "What every node routes to, as it was last read",
          "parameters": [{"name": "app", "in": "query", "description": "Only for this app, read now unless it just was",
            "schema": {"type": "string"}}],
          "responses": {
            "200": {"description": "A row for each app and node", "content": {"application/json": {"schema": {
              "type": "object", "required": ["nodes"], "properties": {
                "nodes": {"type": "array", "items": {"$ref": "#/components/schemas/NodeRoute"}}}}}}},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/events": {"get": {"summary": "A stream with a message for each app that changes: the app as JSON",
          "responses": {
            "200": {"description": "From now on", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/audit": {"get": {"summary": "Who did what, the newest first; a token for some apps sees those",
          "parameters": [
            {"name": "app", "in": "query", "description": "Only what was done to this app", "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}},
            {"name": "before", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9007199254740991}}],
          "responses": {
            "200": {"description": "A page", "content": {"application/json": {"schema": {
              "type": "object", "required": ["entries"], "properties": {
                "entries": {"type": "array", "items": {"$ref": "#/components/schemas/AuditEntry"}},
                "next": {"type": "integer", "description": "The value of before for the next page"}}}}}},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "422": {"$ref": "#/components/responses/InvalidValue"},
            "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/stats": {"get": {"summary": "The four DORA measures, and where the time goes",
          "parameters": [
            {"name": "days", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 365, "default": 30}},
            {"name": "app", "in": "query", "schema": {"type": "string"}}],
          "responses": {
            "200": {"description": "For each app and over all", "content": {"application/json": {
              "schema": {"$ref": "#/components/schemas/Statistics"}}}},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "422": {"$ref": "#/components/responses/InvalidValue"},
            "429": {"$ref": "#/components/responses/TooManyFailures"}}}},
        "/api/v1/tokens": {
          "get": {"summary": "Every token that was made, without the tokens themselves",
            "responses": {
              "200": {"description": "The newest first", "content": {"application/json": {"schema": {
                "type": "object", "required": ["tokens"], "properties": {
                  "tokens": {"type": "array", "items": {"$ref": "#/components/schemas/Token"}}}}}}},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "429": {"$ref": "#/components/responses/TooManyFailures"}}},
          "post": {"summary": "Make a token; only this answer shows it",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "$ref": "#/components/schemas/NewToken"}}}},
            "responses": {
              "201": {"description": "With the token", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Token"}}}},
              "400": {"$ref": "#/components/responses/Malformed"},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
              "422": {"$ref": "#/components/responses/InvalidValue"},
              "429": {"$ref": "#/components/responses/TooManyFailures"},
              "503": {"$ref": "#/components/responses/Unavailable"}}}},
        "/api/v1/tokens/{id}": {
          "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
          "delete": {"summary": "Revoke a token, and end the sessions that were opened with it",
            "responses": {
              "204": {"description": "It is good for nothing any more"},
              "401": {"$ref": "#/components/responses/Unauthorized"},
              "403": {"$ref": "#/components/responses/Forbidden"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "429": {"$ref": "#/components/responses/TooManyFailures"},
              "503": {"$ref": "#/components/responses/Unavailable"}}}}
        """
}
