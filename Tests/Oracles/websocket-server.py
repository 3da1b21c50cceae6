"""A WebSocket server of the PyPI library websockets, which refuses what breaks RFC 6455.

It takes JSON on standard input: {"steps": [...], "certificate"?: PEM file, "key"?: PEM file, "connections"?: 1}. It writes JSON, one object
a line: first {"port": n}, then what each step yields. Every connection goes through all steps, one connection after the other:

  {"do": "send", "text": t}          a message
  {"do": "fragments", "texts": [..]} a message in fragments
  {"do": "ping", "data": d}          awaits the pong                     -> {"pong": d}
  {"do": "receive"}                  the client's next message           -> {"text": t}
  {"do": "close", "code": c, "reason": r}                                -> {"closed": code the client sent}
  {"do": "wait"}                     for the client to close             -> {"closed": code the client sent}
"""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


def say(**what):
    print(json.dumps(what), flush=True)


async def take(step, socket):
    if step["do"] == "send":
        await socket.send(step["text"])
    elif step["do"] == "fragments":
        await socket.send(step["texts"])
    elif step["do"] == "ping":
        await (await socket.ping(step["data"]))
        say(pong=step["data"])
    elif step["do"] == "receive":
        say(text=await socket.recv())
    elif step["do"] == "close":
        await socket.close(step["code"], step.get("reason", ""))
        say(closed=socket.close_code)
    elif step["do"] == "wait":
        await socket.wait_closed()
        say(closed=socket.close_code)


async def main():
    order = json.load(sys.stdin)
    connections = order.get("connections", 1)
    done = asyncio.Semaphore(0)

    async def handle(socket):
        try:
            for step in order["steps"]:
                await take(step, socket)
        except ConnectionClosed as error:
            say(broken=str(error))
        finally:
            done.release()

    context = None
    if "certificate" in order:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(order["certificate"], order["key"])
    async with serve(handle, "127.0.0.1", 0, ssl=context, ping_interval=None, compression="deflate") as server:
        say(port=server.sockets[0].getsockname()[1])
        for _ in range(connections):
            await done.acquire()


asyncio.run(main())
