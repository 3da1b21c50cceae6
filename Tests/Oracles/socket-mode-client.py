"""Slack's own library for Python as a client of Socket Mode.

On standard input {"api": "http://…/api/", "appToken": "xapp-…", "requests": n}. It acknowledges requests as its documentation says
(https://docs.slack.dev/tools/python-slack-sdk/socket-mode), and writes one JSON object a line: {"request": what it read of an envelope}.
It ends after n of them.
"""

import json
import sys
import threading

from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

order = json.load(sys.stdin)
done = threading.Semaphore(0)
client = SocketModeClient(
    app_token=order["appToken"], web_client=WebClient(base_url=order["api"]), auto_reconnect_enabled=False, concurrency=1)


def take(client, request):
    client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
    print(json.dumps({"request": {
        "envelope_id": request.envelope_id, "type": request.type, "payload": request.payload,
        "accepts_response_payload": request.accepts_response_payload, "retry_attempt": request.retry_attempt,
        "retry_reason": request.retry_reason,
    }}), flush=True)
    done.release()


client.socket_mode_request_listeners.append(take)
client.connect()
for _ in range(order["requests"]):
    done.acquire()
client.close()
