"""A WebSocket client of the PyPI library websockets.

It takes JSON on standard input: {"uri": "ws://…", "headers": {…}, "host": "127.0.0.1", "port": 80, "messages": […]}, sends each message, and
writes what comes back, {"text": t} for each, then {"closed": code}.
"""

import asyncio
import json
import sys

from websockets.asyncio.client import connect


async def main():
    order = json.load(sys.stdin)
    async with connect(
        order["uri"], host=order["host"], port=order["port"], additional_headers=order["headers"], proxy=None
    ) as socket:
        for message in order["messages"]:
            await socket.send(message)
            print(json.dumps({"text": await socket.recv()}), flush=True)
    print(json.dumps({"closed": socket.close_code}), flush=True)


asyncio.run(main())
