#!/usr/bin/env python3
"""Measures `viridian serve` beside Flask with gunicorn, and with many viewers of one release; see script/bench.

usage: bench-server.py VIRIDIAN GUNICORN
"""

import asyncio
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

APPS = int(os.environ.get("APPS", "100"))
VIEWERS = int(os.environ.get("VIEWERS", "2000"))
SECONDS = int(os.environ.get("SECONDS", "10"))
EVENTS = int(os.environ.get("EVENTS", "200"))

FLASK = """
from flask import Flask, jsonify
import json
app = Flask(__name__)
app.json.sort_keys = True
apps = json.load(open("apps.json"))

@app.get("/api/v1/apps")
def list_apps():
    return jsonify(apps)
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    return urllib.request.urlopen(request, timeout=10).read()


def wait_for(url, token=""):
    for _ in range(300):
        try:
            return get(url, token)
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"bench: {url} does not answer")


def memory(process):
    text = open(f"/proc/{process.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def load(url, token):
    """Requests a second and the 99th percentile in milliseconds, by wrk."""
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "--latency", "-H", f"Authorization: Bearer {token}", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"bench: errors under load\n{text}")
    p99, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), float(p99) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def write_configuration(kubeconfig):
    os.makedirs("apps")
    for node in ("node-1", "node-2"):
        os.makedirs(f"backends.d/{node}")
    with open("viridian.yaml", "w") as file:
        file.write(
            f"journal: viridian.sqlite\nkubernetes: {{kubeconfig: {kubeconfig}}}\n"
            "nodes:\n  inventory: static\n  static: [node-1, node-2]\n  transport: local\n  sudo: false\n"
            f"  backends: {os.getcwd()}/backends.d/{{node}}\n  test: 'true'\n  reload: 'true'\napps: apps/*.yaml\n"
        )
    for number in range(APPS):
        with open(f"apps/app-{number:03}.yaml", "w") as file:
            file.write(
                f"app: app-{number:03}\nports: {{container: 9000, blue: {30000 + 2 * number}, green: {30001 + 2 * number}}}\n"
                f"image: registry.local:5000/app-{number:03}\n"
            )


class Journal:
    """Appends events as another process of Viridian would."""

    def __init__(self):
        self.database = sqlite3.connect("viridian.sqlite", timeout=10, isolation_level=None)

    def append(self, app, sequence, event):
        at = int(time.time() * 1000)
        self.database.execute("INSERT INTO events VALUES (?, 1, ?, ?, ?)", (app, sequence, at, json.dumps(event)))

    def request(self, app, version):
        seconds = [0, 0]
        rules = {
            "replicas": 1, "afterVerifyTimeout": "abort", "tolerate": 0,
            **{name: seconds for name in (
                "readyTimeout", "verifyTimeout", "stageTimeout", "drainLeast", "drainMost", "retain", "patience")},
        }
        order = {
            "app": app, "number": 1, "kind": {"deploy": {}}, "version": version, "image": f"x:{version}",
            "verify": False, "requestedBy": "bench", "rules": rules,
        }
        self.append(app, 1, {"requested": {"_0": order}})


async def watch(port, token, app, ready, arrivals):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /api/v1/apps/{app}/releases/1/events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    seen = 0
    while seen < EVENTS + 1:
        line = await reader.readline()
        if not line:
            break
        if line.startswith(b"id: "):
            number = int(line[4:])
            assert number == seen + 1, (number, seen)
            seen = number
            if number == 1:
                ready.release()
            else:
                arrivals[number].append(time.monotonic())
    writer.close()
    return seen


async def viewers(port, token, journal):
    ready = asyncio.Semaphore(0)
    arrivals = {number: [] for number in range(2, EVENTS + 2)}
    tasks = []
    for _ in range(VIEWERS):
        tasks.append(asyncio.create_task(watch(port, token, "app-000", ready, arrivals)))
        if len(tasks) % 100 == 0:
            await asyncio.sleep(0)
    for _ in range(VIEWERS):
        await asyncio.wait_for(ready.acquire(), 60)
    sent = {}
    for number in range(2, EVENTS + 2):
        sent[number] = time.monotonic()
        journal.append("app-000", number, {"said": {"_0": {"source": "10.122.43.70", "text": f"line {number}"}}})
        await asyncio.sleep(0.25)
    seen = await asyncio.wait_for(asyncio.gather(*tasks), 60)
    late = sorted(at - sent[number] for number, times in arrivals.items() for at in times)
    return sum(seen) - VIEWERS, late


def main():
    viridian, gunicorn = sys.argv[1:3]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    folder = tempfile.TemporaryDirectory(prefix="viridian-bench-")
    os.chdir(folder.name)
    processes = []

    def start(*command):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.append(process)
        return process

    try:
        start(viridian, "sandbox", "--port", str(free_port()), "--kubeconfig", "kubeconfig")
        while not os.path.exists("kubeconfig"):
            time.sleep(0.05)
        write_configuration("kubeconfig")
        said = subprocess.run(
            [viridian, "token", "create", "--role", "viewer", "--name", "bench", "-o", "json"],
            stdout=subprocess.PIPE, check=True)
        token = json.loads(said.stdout)["token"]
        journal = Journal()
        for number in range(APPS):
            if number:
                journal.request(f"app-{number:03}", "v1")
                journal.append(f"app-{number:03}", 2, {"abortRequested": {"by": "bench", "reason": "history"}})
                journal.append(f"app-{number:03}", 3, {"candidateRemoved": {}})
        port = free_port()
        server = start(viridian, "serve", "--listen", f"127.0.0.1:{port}")
        url = f"http://127.0.0.1:{port}/api/v1/apps"
        wait_for(url, token)
        time.sleep(5)
        idle = memory(server)
        body = get(url, token)
        open("apps.json", "wb").write(body)
        open("flask_apps.py", "w").write(FLASK)
        ours = load(url, token)
        flask_port = free_port()
        start(gunicorn, "-w", str(os.cpu_count()), "-b", f"127.0.0.1:{flask_port}", "flask_apps:app")
        flask_url = f"http://127.0.0.1:{flask_port}/api/v1/apps"
        wait_for(flask_url)
        theirs = load(flask_url, token)
        print(f"GET /api/v1/apps, {APPS} apps, {len(body) / 1024:.0f} KiB    requests/s   p99")
        print(f"  viridian serve                          {ours[0]:10.0f}   {ours[1]:.1f} ms")
        print(f"  Flask, gunicorn -w {os.cpu_count()}                    {theirs[0]:10.0f}   {theirs[1]:.1f} ms")
        print(f"  ratio                                   {ours[0] / theirs[0]:10.1f}")
        processes.pop().terminate()
        journal.request("app-000", "v1")
        delivered, late = asyncio.run(viewers(port, token, journal))
        print(f"{VIEWERS} viewers of one release, {EVENTS} events, four a second, written by another process")
        print(f"  delivered                               {delivered} of {VIEWERS * EVENTS}")
        print(f"  late: median, p99, most                 {1000 * late[len(late) // 2]:.0f}, "
              f"{1000 * late[int(len(late) * 0.99)]:.0f}, {1000 * late[-1]:.0f} ms")
        print(f"  memory: idle, with viewers              {idle:.0f}, {memory(server):.0f} MB")
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


main()
