#!/usr/bin/env python3
"""Measures `viridian serve` beside Flask with gunicorn, and with many viewers of one release; see script/bench.

usage: bench-server.py VIRIDIAN GUNICORN
"""

import json
import multiprocessing
import os
import re
import resource
import select
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
# A release of a hundred nodes says some tens of things a second, and when it switches, some hundreds at once.
EVENTS = int(os.environ.get("EVENTS", "200"))
RATE = float(os.environ.get("RATE", "20"))
BURST = int(os.environ.get("BURST", "300"))

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


class Viewers:
    """Many viewers of one release's event stream, in one loop over their sockets: a library that wakes a task for each line would
    take longer to read than the server takes to write, and would be what is measured."""

    def __init__(self, port, token, path):
        self.poll = select.epoll()
        self.sockets = {}
        self.tails = {}
        self.seen = {}
        # From which event to which, and when.
        self.arrivals = []
        self.buffer = memoryview(bytearray(1 << 18))
        request = (
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()
        for _ in range(VIEWERS):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(request)
            connection.setblocking(False)
            number = connection.fileno()
            self.sockets[number], self.tails[number], self.seen[number] = connection, b"", 0
            self.poll.register(number, select.EPOLLIN)

    def read(self, newest, seconds):
        """Reads until everybody has seen event `newest`; each event's arrival is when the read that brought it returned."""
        left = sum(1 for seen in self.seen.values() if seen < newest)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            for number, _ in self.poll.poll(1):
                count = self.sockets[number].recv_into(self.buffer)
                at = time.monotonic()
                if not count:
                    raise SystemExit("bench: the server has closed a stream")
                text = self.tails[number] + bytes(self.buffer[:count])
                end = text.rfind(b"\n\n") + 1  # Of the last message that is complete.
                self.tails[number] = text[max(0, end):]
                last = text.rfind(b"\nid: ", 0, end)
                if last < 0:
                    continue
                event, seen = int(text[last + 5:text.index(b"\n", last + 5)]), self.seen[number]
                assert text.count(b"\nid: ", 0, end) == event - seen, (seen, event, text)
                self.seen[number] = event
                self.arrivals.append((seen + 1, event, at))
                left -= seen < newest <= event

    def close(self):
        for connection in self.sockets.values():
            connection.close()


def write_events(pipe):
    """Another process that writes into the journal, as the command line does beside a server."""
    journal = Journal()
    sent = {}
    start = time.monotonic()
    for number in range(2, EVENTS + BURST + 2):
        # A moment of silence, then all at once.
        due = (number - 2) / RATE if number < EVENTS + 2 else EVENTS / RATE + 1
        time.sleep(max(0, start + due - time.monotonic()))
        sent[number] = time.monotonic()
        journal.append("app-000", number, {"said": {"_0": {"source": "10.122.43.70", "text": f"line {number}"}}})
    pipe.send(sent)


def watch(port, token):
    viewers = Viewers(port, token, "/api/v1/apps/app-000/releases/1/events")
    viewers.read(1, 60)
    viewers.arrivals.clear()
    ours, theirs = multiprocessing.Pipe()
    writer = multiprocessing.Process(target=write_events, args=(theirs,))
    began, used = time.monotonic(), time.process_time()
    writer.start()
    viewers.read(EVENTS + BURST + 1, 120)
    share = (time.process_time() - used) / (time.monotonic() - began)
    sent = ours.recv()
    writer.join()
    viewers.close()
    late = sorted(
        (event < EVENTS + 2, at - sent[event])
        for first, last, at in viewers.arrivals for event in range(first, last + 1))
    steady = [seconds for isSteady, seconds in late if isSteady]
    burst = [seconds for isSteady, seconds in late if not isSteady]
    return len(late), steady, burst, share


def milliseconds(late):
    if not late:
        return "-"
    return f"{1000 * late[len(late) // 2]:.0f}, {1000 * late[int(len(late) * 0.99)]:.0f}, {1000 * late[-1]:.0f} ms"


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
        delivered, steady, burst, share = watch(port, token)
        print(f"{VIEWERS} viewers of one release; events written by another process, {RATE:.0f} a second, then {BURST} at once")
        print(f"  delivered                               {delivered} of {VIEWERS * (EVENTS + BURST)}")
        print(f"  late: median, p99, most                 {milliseconds(steady)}")
        print(f"  the same of those at once               {milliseconds(burst)}")
        print(f"  the viewers' own share of a processor   {100 * share:.0f} %")
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
