"""Runs the site: python -m www. SIGTERM ends it: no connection is accepted any more, WebSockets are closed, requests are finished."""

import logging
import os

from aiohttp import web

from .site import create_app
from .visits import Visits

logging.basicConfig(level=logging.INFO, format="%(message)s")

web.run_app(
    create_app(Visits(os.environ.get("REDIS_URL", "redis://redis:6379"))),
    host=os.environ.get("LISTEN_ADDRESS", "0.0.0.0"),
    port=int(os.environ.get("PORT", "8080")),
    # For the requests. Less than terminationGracePeriodSeconds of the pod, which is 30 s.
    shutdown_timeout=20,
    access_log_format='%{X-Forwarded-For}i "%r" %s %Tfs',
    print=None,
)
