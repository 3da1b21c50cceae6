#!/usr/bin/env python3
"""Simulated nodes for script/bench scale: they answer the node script's requests as nodes do whose nginx is well.

The server reaches them through a program named ssh that connects here (Nodes.write_ssh). The wire format of a session is in
Sources/Fleet/NodeSession.swift, the facts in Sources/Fleet/Script.
"""

import asyncio
import os
import stat
import threading
from collections import Counter

SSH = """#!/bin/bash
# Stands in for OpenSSH's client: connects to the measurement's simulated nodes.
case $1 in -V) echo OpenSSH_9.2p1 >&2; exit ;; -Q) exit ;; -G) exit 1 ;; esac
while [ $# -gt 2 ]; do shift; done
exec 3<>/dev/tcp/127.0.0.1/PORT
echo "$1" >&3
cat <&3 &
cat >&3
kill $!
"""


class Nodes:
    """The nodes of all clusters, in a thread of its own. `apps` are the names and ports of all apps."""

    def __init__(self, apps):
        self.ports = {name: (blue, green) for name, blue, green in apps}
        # What differs from the beginning, where each node routes each app to blue: the live port and the release number.
        self.state = {}
        self.requests = Counter()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait()

    def write_ssh(self, folder):
        path = os.path.join(folder, "ssh")
        with open(path, "w") as file:
            file.write(SSH.replace("PORT", str(self.port)))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP)

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 24))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            node = (await reader.readline()).decode().strip()
            writer.write(b"\nviridian-session=1\n")
            arguments, payload, number = [], [], None
            while line := (await reader.readline()).decode().rstrip("\n"):
                if line.startswith("begin "):
                    arguments, payload, number = [], [], line[6:]
                elif line[0] == "+":
                    arguments.append(line[1:])
                elif line[0] == "|":
                    arguments[-1] += "\n" + line[1:]
                elif line[0] == ":":
                    payload.append(line[1:])
                elif line == "end":
                    self.requests[arguments[0]] += 1
                    writer.write((self._answer(node, arguments, payload) + f"end={number} 0\n").encode())
                    await writer.drain()
                elif line == "stop":
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, node, arguments, payload):
        action = arguments[0]
        values = dict(argument.split("=", 1) for argument in arguments[1:])
        head = "viridian-node=5\nclock=100000@simulated\n"
        processes = "master=100\nworkers=101:5\ndraining=\n"
        if action == "readall":
            names = [line[1:].split(" ")[0] for line in payload if line.startswith("|")]
            facts = f"group={len(names)}\n{processes}" + "".join(
                f"app={name}\n{self._app(node, name)}" for name in names)
        elif action == "drain":
            facts = processes + "connections=0\narriving=0\n"
        else:
            name = values["app"]
            live, token = self.state.get((node, name), (self.ports[name][0], 0))
            token = max(token, int(values.get("token", 0)))
            facts = ""
            if action == "switch":
                facts = f"reloaded={'no' if live == int(values['port']) else 'yes'}\nverified=yes\nproof=none\nreplaced=99\n"
                live = int(values["port"])
            self.state[(node, name)] = (live, token)
            facts += self._app(node, name) + processes
            if action == "stage":
                facts += "included=yes\nstaged=yes\n"
        return f"{head}{facts}done={action}\n"

    def _app(self, node, name):
        blue, green = self.ports[name]
        live, token = self.state.get((node, name), (blue, 0))
        servers = "".join(
            f"text=    server 127.0.0.1:{port} max_fails=0{'' if port == live else ' down'};\n" for port in (blue, green))
        return (
            f"path=/etc/nginx/backends.d/{name}.conf\nfile=present\ntext=upstream {name}LB {{\n{servers}text=}}\n"
            f"token={token}\nloaded=yes\nbecause=verified workers are still running\n"
        )
