"""The library standardwebhooks (PyPI), to hold the signatures of webhooks against.

On standard input {"cases": [{"secret", "body", "headers"}]}; on standard output {"answers": [true, false, …]}: whether a receiver with
this secret accepts the message now.
"""
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def accepts(case):
    try:
        Webhook(case["secret"]).verify(case["body"], case["headers"])
        return True
    except WebhookVerificationError:
        return False


json.dump({"answers": [accepts(case) for case in json.load(sys.stdin)["cases"]]}, sys.stdout)
