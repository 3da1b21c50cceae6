"""The count of visits, in redis: it is the same for all pods of both colours."""

import asyncio
import logging

from redis import asyncio as redis
from redis.exceptions import RedisError

CHANNEL = "visits"


class Visits:
    def __init__(self, url):
        self._redis = redis.from_url(url, socket_connect_timeout=1, socket_timeout=5, health_check_interval=15)

    async def add(self):
        """Counts a visit, and tells every pod. Without redis there is no count: None."""
        try:
            count = await self._redis.incr("visits")
            await self._redis.publish(CHANNEL, count)
            return count
        except (RedisError, OSError) as error:
            logging.warning("redis: %s", error)
            return None

    async def follow(self):
        """Each count, as it is reached anywhere."""
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
                        if message:
                            yield int(message["data"])
            except (RedisError, OSError) as error:
                logging.warning("redis: %s", error)
                await asyncio.sleep(1)

    async def close(self):
        await self._redis.aclose()
