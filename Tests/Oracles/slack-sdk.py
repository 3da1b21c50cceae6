"""Slack's own library for Python, to hold a program that talks to Slack, and a stand-in for Slack, against.

On standard input {"url", "token", "steps": [{"do", …}]}; on standard output {"answers": […]}, one a step, in order.

"call"      "method" of slack_sdk.WebClient with "arguments": {"ok", "data"}, or {"ok": false, "error", "status", "retryAfter"?, "needed"?}
"respond"   slack_sdk.webhook.WebhookClient("to").send("arguments"): {"ok", "status", "text"}
"verify"    slack_sdk.signature.SignatureVerifier("secret") on "body" and "headers", at "now" if it is there: {"ok"}
"sign"      "body" signed with "secret" for "timestamp" by the same: {"ok", "text"}
"blocks"    "blocks" read by slack_sdk.models.blocks and validated as before they are sent: {"ok", "error"?}, with "data" as the library
            writes them again
"""
import json
import logging
import sys

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.webhook import WebhookClient


def call(client, step):
    try:
        answer = getattr(client, step["method"])(**step.get("arguments", {}))
        return {"ok": True, "data": answer.data, "scopes": answer.headers.get("x-oauth-scopes")}
    except SlackApiError as error:
        data = error.response.data if isinstance(error.response.data, dict) else {}
        after = error.response.headers.get("Retry-After") or error.response.headers.get("retry-after")
        return {
            "ok": False, "error": data.get("error", ""), "status": error.response.status_code, "data": data,
            "retryAfter": after and int(after), "needed": data.get("needed"),
        }


def respond(step):
    answer = WebhookClient(step["to"]).send(**step["arguments"])
    return {"ok": answer.status_code == 200, "status": answer.status_code, "text": answer.body}


def verify(step):
    class Fixed(Clock):
        def now(self):
            return step["now"]

    clock = Fixed() if "now" in step else Clock()
    verifier = SignatureVerifier(step["secret"], clock=clock)
    return {"ok": verifier.is_valid_request(step["body"], step["headers"])}


def sign(step):
    return {"ok": True, "text": SignatureVerifier(step["secret"]).generate_signature(
        timestamp=step["timestamp"], body=step["body"])}


class Strict(logging.Handler):
    """What the library does not know, it skips and only logs: here that is an error."""

    def emit(self, record):
        raise SlackObjectFormationError(record.getMessage())


def read(step):
    logger, handler = logging.getLogger("slack_sdk"), Strict()
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        blocks = Block.parse_all(step["blocks"])
        return {"ok": len(blocks) == len(step["blocks"]), "data": [block.to_dict() for block in blocks]}
    except (SlackObjectFormationError, TypeError) as error:
        return {"ok": False, "error": str(error)}
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def main():
    asked = json.load(sys.stdin)
    client = WebClient(token=asked.get("token"), base_url=asked.get("url", "") + "/", timeout=30)
    deeds = {"call": lambda step: call(client, step), "respond": respond, "verify": verify, "sign": sign, "blocks": read}
    json.dump({"answers": [deeds[step["do"]](step) for step in asked["steps"]]}, sys.stdout)


main()
