#!/usr/bin/env python3
"""Measures `viridian serve` on a journal with 1,000,000 events in 20,000 releases, in SQLite and in PostgreSQL: its start, and its pages.

    python3 script/bench-history.py VIRIDIAN

The apps' cluster and nodes are not there: what is measured is what comes from the journal. Each page is asked for over one connection, one
request after the other, of apps and releases in turn; "first" is the first request after the start, which finds nothing in memory;
"processor" is the time that the server's threads run for a request, which other programs on the machine do not lengthen.

Environment: APPS (20), RELEASES of each (1000), REQUESTS of each page (200), JOURNALS ("SQLite PostgreSQL"); FILLED, a journal that
`viridian bench-history` has filled already, to measure that one only.
"""

import glob
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

APPS = int(os.environ.get("APPS", "20"))
RELEASES = int(os.environ.get("RELEASES", "1000"))
REQUESTS = int(os.environ.get("REQUESTS", "200"))
JOURNALS = os.environ.get("JOURNALS", "SQLite PostgreSQL").split()


def app(index):
    return f"app-{index % APPS}"


def number(index):
    """One release after the other, far apart."""
    return 1 + index * 379 % RELEASES


PAGES = [
    ("/", lambda index: "/"),
    ("an app", lambda index: f"/apps/{app(index)}"),
    ("older history of an app", lambda index: f"/apps/{app(index)}?before={number(index) + 1}"),
    ("a release", lambda index: f"/apps/{app(index)}/releases/{number(index)}"),
    ("statistics, 30 days", lambda index: "/stats"),
    ("statistics, a year", lambda index: "/stats?days=365"),
    ("audit log", lambda index: "/audit"),
    ("API: 200 releases", lambda index: f"/api/v1/apps/{app(index)}/releases?limit=200"),
    ("API: a release", lambda index: f"/api/v1/apps/{app(index)}/releases/{number(index)}"),
]


class PostgreSQL:
    """A server of its own, which listens on a socket in its folder. PostgreSQL refuses to run as root."""

    def __init__(self):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not programs:
            sys.exit("bench: install PostgreSQL (Debian package postgresql)")
        self.programs = programs[-1]
        self.folder = tempfile.mkdtemp()
        self.user = None
        if os.getuid() == 0:
            self.user = "postgres"
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.run("initdb", "-D", "data", "-U", "viridian", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions")
        self.run("pg_ctl", "-w", "-D", "data", "-l", "log", "-o", f"-k {self.folder} -c listen_addresses=", "start")
        self.run("createdb", "-h", self.folder, "-U", "viridian", "journal")
        self.uri = f"postgresql://viridian@/journal?host={self.folder}"

    def run(self, program, *arguments):
        subprocess.run(
            [f"{self.programs}/{program}", *arguments], cwd=self.folder, user=self.user, stdout=subprocess.DEVNULL, check=True)

    def size(self):
        answer = subprocess.run(
            [f"{self.programs}/psql", "-tA", self.uri, "-c", "VACUUM ANALYZE", "-c", "SELECT pg_database_size('journal')"],
            stdout=subprocess.PIPE, text=True, check=True)
        return int(answer.stdout.split()[-1])

    def end(self):
        self.run("pg_ctl", "-D", "data", "-m", "fast", "stop")
        shutil.rmtree(self.folder)


class Server:
    def __init__(self, viridian, configuration):
        self.token = json.loads(subprocess.run(
            [viridian, "token", "create", "--role", "admin", "--name", "bench", "-o", "json", "--config", configuration],
            stdout=subprocess.PIPE, check=True).stdout)["token"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        began = time.monotonic()
        self.process = subprocess.Popen(
            [viridian, "serve", "--config", configuration, "--listen", f"127.0.0.1:{self.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.is_starting():
            time.sleep(0.005)
        self.start = time.monotonic() - began
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        self.cookie = self.sign_in()

    def sign_in(self):
        origin = f"http://127.0.0.1:{self.port}"
        self.connection.request(
            "POST", "/signin", f"token={self.token}",
            {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin})
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 303:
            sys.exit(f"bench: signing in: {answer.status}")
        return answer.headers["Set-Cookie"].split(";")[0]

    def is_starting(self):
        if self.process.poll() is not None:
            sys.exit("bench: the server ended")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("GET", "/healthz")
            return connection.getresponse().status != 200
        except OSError:
            return True

    def ask(self, path):
        """How long the answer takes, in milliseconds."""
        began = time.monotonic()
        self.connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"bench: {path}: {answer.status}")
        return (time.monotonic() - began) * 1000

    def memory(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) // 1024

    def processor(self):
        """The time that the server's threads have run, in milliseconds."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def configure(folder, journal):
    os.makedirs(f"{folder}/apps", exist_ok=True)
    with open(f"{folder}/kubeconfig", "w") as file:
        file.write(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n")
    with open(f"{folder}/viridian.yaml", "w") as file:
        file.write(
            f"journal: \"{journal}\"\nkubernetes: {{kubeconfig: kubeconfig}}\n"
            "nodes: {inventory: static, static: [127.0.0.1], transport: local, sudo: false}\n")
    for index in range(APPS):
        with open(f"{folder}/apps/{app(index)}.yaml", "w") as file:
            file.write(
                f"app: {app(index)}\nimage: registry.local:5000/{app(index)}\n"
                f"ports: {{container: 9000, blue: {30000 + 2 * index}, green: {30001 + 2 * index}}}\n")
    return f"{folder}/viridian.yaml"


def fill(viridian, kind, folder, postgresql):
    journal = postgresql.uri if postgresql else f"{folder}/viridian.sqlite"
    began = time.monotonic()
    subprocess.run(
        [viridian, "bench-history", "--apps", str(APPS), "--releases", str(RELEASES), journal],
        stdout=subprocess.DEVNULL, check=True)
    size = postgresql.size() if postgresql else sum(os.path.getsize(file) for file in glob.glob(f"{journal}*"))
    print(f"{kind}: {size >> 20} MiB, filled in {time.monotonic() - began:.0f} s", flush=True)
    return journal


def measure(viridian, journal, folder):
    configuration = configure(folder, journal)
    starts = []
    for _ in range(5):
        server = Server(viridian, configuration)
        starts.append(server.start)
        if len(starts) < 5:
            server.end()
    try:
        print(f"  start until it answers: {sorted(starts)[2]:.2f} s, median of 5; memory {server.memory()} MiB")
        print(f"  {'ms':28} {'first':>8} {'median':>8} {'p95':>8} {'longest':>8} {'processor':>10}")
        for name, path in PAGES:
            first = server.ask(path(0))
            began = server.processor()
            times = sorted(server.ask(path(index)) for index in range(1, REQUESTS + 1))
            used = (server.processor() - began) / REQUESTS
            middle, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
            print(f"  {name:28} {first:8.1f} {middle:8.1f} {p95:8.1f} {times[-1]:8.1f} {used:10.1f}", flush=True)
        print(f"  memory afterwards {server.memory()} MiB", flush=True)
    finally:
        server.end()


def main():
    viridian = os.path.abspath(sys.argv[1])
    print(f"{APPS} apps, {RELEASES} releases of each, {APPS * RELEASES * 50} events; processors: {os.cpu_count()}")
    if "FILLED" in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            return measure(viridian, os.environ["FILLED"], folder)
    for kind in JOURNALS:
        postgresql = PostgreSQL() if kind == "PostgreSQL" else None
        try:
            with tempfile.TemporaryDirectory() as folder:
                measure(viridian, fill(viridian, kind, folder, postgresql), folder)
        finally:
            if postgresql:
                postgresql.end()


main()
