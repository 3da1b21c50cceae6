import asyncio
import os
import unittest
from unittest import mock

from aiohttp import WSCloseCode, WSMsgType
from aiohttp.test_utils import AioHTTPTestCase

from www.site import create_app
from www.visits import Visits


class CountInMemory:
    """Visits without redis."""

    def __init__(self):
        self.count = 0
        self.reached = asyncio.Queue()

    async def add(self):
        self.count += 1
        self.reached.put_nowait(self.count)
        return self.count

    async def follow(self):
        while True:
            yield await self.reached.get()

    async def close(self):
        pass


class NoRedis(CountInMemory):
    async def add(self):
        return None


class SiteTests(AioHTTPTestCase):
    async def get_application(self):
        return create_app(CountInMemory())

    async def text(self, path):
        async with self.client.get(path) as response:
            self.assertEqual(response.status, 200)
            return await response.text()

    async def test_each_visit_is_counted(self):
        self.assertIn('<b id="visits">1</b>', await self.text("/"))
        self.assertIn('<b id="visits">2</b>', await self.text("/"))

    async def test_the_page_names_version_and_colour(self):
        with mock.patch.dict(os.environ, {"APP_VERSION": "v7", "COLOR_LABEL": "www-green"}):
            self.assertIn('class="green">v7, green</b>', await self.text("/"))

    async def test_the_probe_is_answered_and_not_counted(self):
        self.assertEqual(await self.text("/healthz"), "ok\n")
        self.assertIn('<b id="visits">1</b>', await self.text("/"))

    async def test_a_socket_is_told_who_serves_it(self):
        with mock.patch.dict(os.environ, {"APP_VERSION": "v7", "COLOR_LABEL": "www-blue"}):
            async with self.client.ws_connect("/live") as socket:
                self.assertEqual(await socket.receive_json(), {"version": "v7", "color": "blue"})

    async def test_an_open_page_is_told_of_each_visit(self):
        async with self.client.ws_connect("/live") as socket:
            await socket.receive_json()
            await self.text("/")
            self.assertEqual(await socket.receive_json(), {"visits": 1})

    async def test_at_the_end_sockets_are_closed_as_going_away(self):
        async with self.client.ws_connect("/live") as socket:
            await socket.receive_json()
            await self.server.close()
            message = await socket.receive()
            self.assertEqual((message.type, message.data), (WSMsgType.CLOSE, WSCloseCode.GOING_AWAY))


class WithoutRedisTests(AioHTTPTestCase):
    async def get_application(self):
        return create_app(NoRedis())

    async def test_the_page_is_there(self):
        async with self.client.get("/") as response:
            self.assertEqual(response.status, 200)
            self.assertIn("an unknown number of", await response.text())


@unittest.skipUnless(os.environ.get("APPLICATION_ENV") == "testing", "without the redis of compose.yaml")
class RedisTests(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        url = os.environ.get("REDIS_URL", "redis://redis:6379")
        self.here, self.elsewhere = Visits(url), Visits(url)

    async def asyncTearDown(self):
        await self.here.close()
        await self.elsewhere.close()

    async def test_a_visit_is_told_elsewhere(self):
        first = await self.here.add()
        follow = self.elsewhere.follow()
        told = asyncio.ensure_future(anext(follow))
        # Whoever begins to follow is told of what comes from then on.
        while not told.done():
            await self.here.add()
            await asyncio.wait([told], timeout=0.05)
        self.assertGreater(told.result(), first)
        await follow.aclose()
