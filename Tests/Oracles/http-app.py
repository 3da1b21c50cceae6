"""An app that speaks HTTP, of the PyPI library websockets: what it gets, it says.

It takes JSON on standard input: {"address": "127.0.0.1", "port": 0, "name": "blue"}, and writes {"listening": true} when it does. GET is
answered with JSON: the app's name, the path and the headers. A WebSocket gets each of its messages back, after the app's name.
"""

import asyncio
import json
import sys

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response


async def main():
    order = json.load(sys.stdin)

    def answer(connection, request):
        if "upgrade" in request.headers.get("Connection", "").lower():
            return None
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        body = json.dumps({"name": order["name"], "path": request.path, "headers": headers}).encode()
        return Response(200, "OK", Headers({"Content-Type": "application/json", "Content-Length": str(len(body))}), body)

    async def echo(socket):
        async for message in socket:
            await socket.send(order["name"] + " " + message)

    async with serve(echo, order["address"], order["port"], process_request=answer):
        print(json.dumps({"listening": True}), flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
