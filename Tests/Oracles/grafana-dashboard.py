"""Reads a dashboard with Grafana's own model of it (grafana-foundation-sdk, generated from Grafana's schemas) and writes what that model
has lost of it: what Grafana does not know, by its path. Nothing lost: an empty list of JSON.
"""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

# What only the data source knows: https://grafana.com/docs/grafana/latest/datasources/prometheus/annotations/
OF_PROMETHEUS = {".annotations.list[0].%s" % key for key in ("step", "titleFormat", "textFormat")}

register_default_plugins()
given = json.load(sys.stdin)
known = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(given)))


def lost(one, other, path):
    if isinstance(one, dict) and isinstance(other, dict):
        for key, value in one.items():
            if key not in other:
                yield "%s.%s" % (path, key)
            else:
                yield from lost(value, other[key], "%s.%s" % (path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (value, kept) in enumerate(zip(one, other)):
            yield from lost(value, kept, "%s[%d]" % (path, index))
    elif one != other:
        yield "%s: %r became %r" % (path, one, other)


json.dump([path for path in lost(given, known, "") if path not in OF_PROMETHEUS], sys.stdout)
