"""What answers requests."""

import asyncio
import contextlib
import os
from pathlib import Path
from string import Template

from aiohttp import WSCloseCode, web

PAGE = Path(__file__).with_name("page.html")

VISITS = web.AppKey("visits", object)
SOCKETS = web.AppKey("sockets", set)


def version():
    return os.environ.get("APP_VERSION", "dev")


def color():
    """From the pod's label `name`, which is www-blue or www-green."""
    return os.environ.get("COLOR_LABEL", "").rpartition("-")[2] or "none"


async def page(request):
    count = await request.app[VISITS].add()
    text = Template(PAGE.read_text()).substitute(
        version=version(), color=color(), visits="an unknown number of" if count is None else count
    )
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


async def live(request):
    """A WebSocket: who serves it, then each count of visits."""
    socket = web.WebSocketResponse(heartbeat=20)
    await socket.prepare(request)
    await socket.send_json({"version": version(), "color": color()})
    request.app[SOCKETS].add(socket)
    try:
        async for _ in socket:
            pass  # Nothing is expected from the page.
    finally:
        request.app[SOCKETS].discard(socket)
    return socket


async def healthz(request):
    """Whether this process serves. It does without redis too: a pod is no better for being taken out then."""
    return web.Response(text="ok\n")


async def tell_open_pages(app):
    async def run():
        async for count in app[VISITS].follow():
            for socket in list(app[SOCKETS]):
                with contextlib.suppress(ConnectionError):
                    await socket.send_json({"visits": count})

    task = asyncio.create_task(run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await app[VISITS].close()


async def close_sockets(app):
    """At the end of this process, "going away": the pages connect again, through nginx to the other colour."""
    closing = (socket.close(code=WSCloseCode.GOING_AWAY, message=b"this version ends") for socket in list(app[SOCKETS]))
    await asyncio.gather(*closing)


def create_app(visits):
    app = web.Application()
    app[VISITS] = visits
    app[SOCKETS] = set()
    app.add_routes([web.get("/", page), web.get("/live", live), web.get("/healthz", healthz)])
    app.cleanup_ctx.append(tell_open_pages)
    app.on_shutdown.append(close_sockets)
    return app
