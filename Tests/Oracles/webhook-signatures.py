"""Signatures of webhooks by Python's standard library, to hold another program's against.

On standard input {"cases": [{"scheme", "secret", "body" (base64), …}]}; on standard output {"answers": […]}.

A case without "headers" is signed: the answer is {name: value}. With "headers" it is verified: the answer is true or false.

"hex"       GitHub's, Gitea's and Forgejo's: HMAC-SHA256 of the body in hexadecimal digits, compared as text, as PyGithub's and GitHub's
            own example do it. "header" is the header's name and "prefix" what stands before the digits.
"token"     Harbor's and registries': the header's value is the secret, or Bearer and the secret.
"standard"  Standard Webhooks: id.timestamp.body, whsec_ and a key in base64, several signatures, five minutes; "id", "timestamp", "now".
"""
import base64
import binascii
import hashlib
import hmac
import json
import re
import sys


def mac(key, body):
    return hmac.new(key, body, hashlib.sha256).digest()


def key_of(secret):
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return b""


def standard_headers(case, body):
    signed = f"{case['id']}.{case['timestamp']}.".encode() + body
    signature = base64.b64encode(mac(key_of(case["secret"]), signed)).decode()
    return {"webhook-id": case["id"], "webhook-timestamp": case["timestamp"], "webhook-signature": "v1," + signature}


def sign(case, body):
    secret = case["secret"].encode()
    if case["scheme"] == "hex":
        return {case["header"]: case["prefix"] + mac(secret, body).hex()}
    if case["scheme"] == "token":
        return {case["header"]: "Bearer " + case["secret"]}
    return standard_headers(case, body)


def verify_standard(case, body):
    headers, key = case["headers"], key_of(case["secret"])
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not key or not id or not re.fullmatch(r"[0-9]{1,11}", timestamp):
        return False
    if abs(int(timestamp) - case["now"]) > 300:
        return False
    expected = mac(key, f"{id}.{timestamp}.".encode() + body)
    for versioned in headers.get("webhook-signature", "").split(" "):
        version, _, signature = versioned.partition(",")
        try:
            given = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            continue
        if version == "v1" and hmac.compare_digest(expected, given):
            return True
    return False


def verify(case, body):
    secret = case["secret"].encode()
    if case["scheme"] == "standard":
        return verify_standard(case, body)
    value = case["headers"].get(case["header"])
    if not secret or value is None:
        return False
    if case["scheme"] == "token":
        return any(hmac.compare_digest(value.encode(), form + secret) for form in (b"", b"Bearer "))
    return hmac.compare_digest(value.encode(), (case["prefix"] + mac(secret, body).hex()).encode())


def main():
    answers = []
    for case in json.load(sys.stdin)["cases"]:
        body = base64.b64decode(case["body"])
        answers.append(verify(case, body) if "headers" in case else sign(case, body))
    json.dump({"answers": answers}, sys.stdout)


main()
