"""www, released: an HTTP app with redis, and WebSockets that outlive a switch."""

import base64
import contextlib
import json
import os
import re
import socket
import struct

from run import images
from run.installation import free_ports, python_with
from run.load import Readers, Wrk
from run.processes import PATIENCE, Failed, find, running, wait_until
from run.site import Site

NEEDS = [("redis-server", "redis-server")]
LIBRARIES = ("aiohttp", "redis")
CHANGES = [("www/page.html", "<h1>Hello</h1>", "<h1>Hello again</h1>")]


def build(installation, version, changes):
    """What the pipeline does: the image. Its Python is this machine's, with the libraries of requirements.txt."""
    code = images.sources(installation, version, changes)
    python = python_with(*LIBRARIES)
    config = images.configuration(installation.sources / "Dockerfile", {"python": python, "python3": python})
    if images.is_private(python):
        # A Python in root's home directory is of no use to another user.
        config["User"] = ""
    images.write(installation.images, f"{installation.image}:{version}", code, config)


def check(page):
    """A page says which version made it."""
    found = re.search(r"made by version <b>(\w+)</b>, and has had <b id=\"visits\">(\d+)</b> visits", page)
    assert found, f"a page without version and visits: {page[:400]}"
    assert ("Hello again" in page) == (found[1] == "v2"), f"a greeting of another version than {found[1]}"
    return found[1]


class OpenPage:
    """The WebSocket of an open page (RFC 6455), as far as this app speaks it."""

    def __init__(self, node, host):
        self.stream = socket.create_connection(("127.0.0.1", node.port), timeout=PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /live HTTP/1.1", f"Host: {host}", "X-Forwarded-Proto: https", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", ""]
        self.stream.sendall("\r\n".join(lines).encode())
        self.input = self.stream.makefile("rb")
        status = self.input.readline().decode()
        if " 101 " not in status:
            raise Failed(f"the WebSocket was answered {status}")
        while self.input.readline().strip():
            pass

    def next(self):
        """The next message, or the code with which it was closed; pings are answered."""
        while True:
            first, length = self.input.read(2)
            if length == 126:
                length = struct.unpack("!H", self.input.read(2))[0]
            payload, kind = self.input.read(length), first & 15
            if kind == 1:
                return json.loads(payload)
            if kind == 8:
                return struct.unpack("!H", payload[:2])[0]
            if kind == 9:
                mask = os.urandom(4)
                self.stream.sendall(bytes([0x8A, 0x80 | len(payload)]) + mask + bytes(a ^ mask[i % 4] for i, a in enumerate(payload)))

    def until_closed(self):
        """The code with which it was closed."""
        while not isinstance(message := self.next(), int):
            pass
        return message

    def close(self):
        self.stream.close()


def run(installation, account, stack):
    """`stack` keeps what has to run until the end."""
    installation.write()
    (port,) = free_ports(1)
    log = installation.home / "redis.log"
    command = [find("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(installation.home)]
    redis = stack.enter_context(running(command, log))
    wait_until(lambda: "Ready to accept connections" in log.read_text(), "redis starts", [redis])
    # In a cluster, the name redis is that of a service in the app's namespace (redis.yaml); here it is a server of this machine.
    template = installation.home / "www-pod.yaml"
    environment = f"        env:\n          - {{name: REDIS_URL, value: redis://127.0.0.1:{port}}}\n"
    text = template.read_text().replace("        env:\n", environment)
    if images.is_private(python_with(*LIBRARIES)):
        text = text.replace("{runAsNonRoot: true}", "{}")
    template.write_text(text)
    for version, changes in [("v1", []), ("v2", CHANGES)]:
        build(installation, version, changes)
    stack.enter_context(installation.running())
    site, host, preview = Site(installation, account, check), installation.host, installation.preview
    account.say(f"A cluster, {len(installation.nodes)} nginx and redis run in {installation.home}.")

    account.say("Deploying v1.")
    installation.viridian("deploy", "www", "--version", "v1")
    site.expect_version("v1 is live: each node answers with it", "v1")
    site.expect_status(f"{preview} says that nothing is being previewed", 503, preview)

    with contextlib.ExitStack() as visitors:
        loads = [visitors.enter_context(Wrk(node, host, ["/"]).running()) for node in installation.nodes]
        readers = visitors.enter_context(Readers(installation.nodes, host, check).running())
        page = visitors.enter_context(contextlib.closing(OpenPage(installation.nodes[0], host)))
        said = page.next()
        account.holds("a page's WebSocket is served by v1", said == {"version": "v1", "color": "blue"}, said)
        readers.wait_for("v1")
        account.say("Deploying v2 while requests come in, with a pause before the switch.")
        installation.viridian("deploy", "www", "--version", "v2", "--verify", "--wait", "paused", status=(3,))
        site.expect_version("v2 is paused for verification, and visitors still get v1", "v1")
        site.expect_version(f"{preview} shows v2 meanwhile, on each node", "v2", preview)

        account.say("Promoting v2.")
        installation.viridian("promote", "www")
        site.expect_version("v2 is live: each node answers with it", "v2")
        site.print_routes()
        code = page.until_closed()
        account.holds("the WebSocket was served by v1 to its end, and closed as going away (1001)", code == 1001, code)
        with contextlib.closing(OpenPage(installation.nodes[0], host)) as again:
            said = again.next()
            account.holds("opened again, it is served by v2", said == {"version": "v2", "color": "green"}, said)
        readers.wait_for("v2")

        account.say("Rolling back.")
        installation.viridian("rollback", "www")
        site.expect_version("v1 is live again: each node answers with it", "v1")
        site.print_routes()

    site.expect_no_failure(loads, readers)
