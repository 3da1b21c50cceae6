"""Visitors, while releases go on: wrk's many requests, and readers who look at what they get."""

import contextlib
import http.client
import pathlib
import re
import signal
import threading
import time

from run.processes import find, running


def get(port, path, host, headers=None):
    """One request as it comes from the load balancer: the status, the headers and the text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        headers = {"Host": host, "X-Forwarded-Proto": "https", "Connection": "close", **(headers or {})}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode("utf-8", "replace")
    finally:
        connection.close()


class Wrk:
    """wrk on one node, with a new connection for each request: a kept one may end with an old worker of nginx."""

    def __init__(self, node, host, paths):
        self.node, self.host, self.paths = node, host, paths
        self.log = node.home / "wrk.log"

    @contextlib.contextmanager
    def running(self):
        command = [find("wrk"), "-t1", "-c2", "-d3600s", "--timeout", "120s"]
        command += ["-s", str(pathlib.Path(__file__).with_name("load.lua"))]
        for header in (f"Host: {self.host}", "X-Forwarded-Proto: https", "Connection: close"):
            command += ["-H", header]
        command += [f"http://127.0.0.1:{self.node.port}/", "--", *self.paths]
        # It prints its report when it is interrupted.
        with running(command, self.log, stop=signal.SIGINT):
            yield self

    def report(self):
        """The number of requests, and what failed in wrk's words."""
        text = self.log.read_text()
        sent = re.search(r"(\d+) requests in", text)
        failed = re.findall(r"^\s*((?:Socket errors|Non-2xx).*)$", text, re.MULTILINE)
        return int(sent[1]) if sent else 0, failed if sent else [f"no report: {text}"]


class Readers:
    """Each reads a page of one node and then what the page names (style sheet, icon) of another: nodes switch one after the other."""

    def __init__(self, nodes, host, check):
        # check(page) says which version it is; it raises AssertionError for a page that is not as it has to be.
        self.nodes, self.host, self.check = nodes, host, check
        self.pages, self.assets, self.failures = {}, 0, []
        self.lock, self.ended = threading.Lock(), threading.Event()

    @contextlib.contextmanager
    def running(self):
        threads = [threading.Thread(target=self.read, args=(number,), daemon=True) for number in range(len(self.nodes))]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            for thread in threads:
                thread.join()

    def read(self, number):
        node, other = self.nodes[number], self.nodes[(number + 1) % len(self.nodes)]
        while not self.ended.wait(0.02):
            try:
                version, assets = self.visit(node, other)
                with self.lock:
                    self.pages[version] = self.pages.get(version, 0) + 1
                    self.assets += assets
            except Exception as error:  # Whatever it is: the visitor did not get what was asked for.
                with self.lock:
                    self.failures.append(f"{time.strftime('%T')} {node.name}: {type(error).__name__}: {error}")

    def visit(self, node, other):
        status, _, page = get(node.port, "/", self.host)
        assert status == 200, f"/ answered {status}"
        version = self.check(page)
        links = re.findall(r'<(?:link|script)[^>]+(?:href|src)="(/[^"]+)"', page)
        for link in links:
            status, _, _ = get(other.port, link, self.host)
            assert status == 200, f"{link} of the page of {version} answered {status} on {other.name}"
        return version, len(links)

    def wait_for(self, version, count=5):
        """Returns when this many pages of the version have been read, or one could not be read."""
        limit = time.monotonic() + 180
        while self.pages.get(version, 0) < count and not self.failures and time.monotonic() < limit:
            time.sleep(0.02)
