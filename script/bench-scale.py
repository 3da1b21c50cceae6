#!/usr/bin/env python3
"""Measures `viridian serve` with many apps: memory, processor time, start, conversations with nodes, calls to the cluster.

    python3 script/bench-scale.py VIRIDIAN SIZE...

The cluster is Viridian's sandbox, with the real objects of every app; 1,300 apps a cluster, because Kubernetes has 2,768 node ports and
an app needs two. The nodes are simulated (bench_nodes.py). Sandboxes, nodes and this program's own requests are not part of the server's
figures. Apps that are not released have workloads without pods.

Environment: NODES, of each cluster (10); SECONDS, how long the server is measured in each state (60).
"""

import base64
import http.client
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import bench_nodes

NODES = int(os.environ.get("NODES", "10"))
SECONDS = float(os.environ.get("SECONDS", "60"))
APPS_IN_A_CLUSTER = 1300
IMAGE = "registry.local:5000/bench"

# Reported by their users: Argo Rollouts' own documentation (best-practices.md) and issues.
OTHERS = """\
Argo Rollouts, as published, for comparison (a rollout is what an app is here; its controller reads no nodes):
  1,290 rollouts     memory falls by 27 % with revisionHistoryLimit: 0       docs/best-practices.md
  10,000 rollouts    16 GiB limit reached                                    argo-rollouts#3112
  11,000 to 13,000   11 to 14 GB, slower and slower within 48 hours          argo-rollouts#2855"""


class App:
    def __init__(self, index):
        self.name = f"app-{index:05}"
        self.cluster, place = divmod(index, APPS_IN_A_CLUSTER)
        self.blue, self.green = 30000 + 2 * place, 30001 + 2 * place


class API:
    """A sandbox's API, over one connection."""

    def __init__(self, kubeconfig):
        text = open(kubeconfig).read()
        self.server = re.search(r"server: \"?https://([^\s\"]+)", text)[1]
        self.token = re.search(r"token: \"?([^\s\"]+)", text)[1]
        authority = re.search(r"certificate-authority-data: \"?([^\s\"]+)", text)[1]
        self.tls = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
        self.tls.check_hostname = False
        self.connection = None

    def call(self, method, path, body=None):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(self.server, context=self.tls, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise SystemExit(f"bench: {method} {path}: {answer.status} {text}")
        return text

    def create(self, app, replicas):
        annotations = {"viridian.dev/release": "1"}
        labels = {"name": f"{app.name}-blue"}
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": app.name}})
        self.call("POST", f"/apis/coordination.k8s.io/v1/namespaces/{app.name}/leases", {
            "metadata": {"name": "viridian", "annotations": annotations | {
                "viridian.dev/live-color": "blue", "viridian.dev/live-version": "v1", "viridian.dev/last-release": "1"}},
            "spec": {},
        })
        self.call("POST", f"/api/v1/namespaces/{app.name}/replicationcontrollers", {
            "metadata": {"name": f"{app.name}-blue", "annotations": annotations | {"viridian.dev/version": "v1"}},
            "spec": {"replicas": replicas, "selector": labels, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": f"{IMAGE}:v1"}], "terminationGracePeriodSeconds": 1}}},
        })

    def requests(self):
        """How many requests it has got, without those for its metrics."""
        counts = re.findall(r'^apiserver_request_total\{.*resource="(\w+)".* (\d+)$', self.call("GET", "/metrics"), re.M)
        return sum(int(count) for _, count in counts)


class Server:
    def __init__(self, viridian, folder, environment):
        self.token = json.loads(subprocess.run(
            [viridian, "token", "create", "--role", "admin", "--name", "bench", "-o", "json"],
            stdout=subprocess.PIPE, check=True).stdout)["token"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        began = time.monotonic()
        self.log = os.path.join(folder, "server.log")
        self.process = subprocess.Popen(
            [viridian, "serve", "--listen", f"127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL,
            stderr=open(self.log, "w"), env=environment)
        self.wait(lambda: self.status("/readyz") == 200, 600)
        self.start = time.monotonic() - began
        self.start_processor = self.processor()

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(
            method, path, json.dumps(body) if body else None,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def status(self, path):
        try:
            return self.ask("GET", path)[0]
        except OSError:
            return 0

    def wait(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"bench: the server is not there yet; its log:\n{open(self.log).read()[-3000:]}")
            time.sleep(0.05)

    def metric(self, name):
        found = re.search(rf"^{name} (\S+)$", self.ask("GET", "/metrics")[1], re.M)
        return float(found[1]) if found else None

    def memory(self, key="VmRSS"):
        return int(re.search(rf"{key}:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read())[1]) / 1024

    def processor(self):
        """Seconds of processor time until now."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def configure(apps, clusters):
    os.makedirs("apps")
    with open("viridian.yaml", "w") as file:
        file.write("journal: viridian.sqlite\napps: apps/*.yaml\nclusters:\n")
        for cluster in range(clusters):
            nodes = ", ".join(f"node-{cluster}-{number}" for number in range(NODES))
            file.write(
                f"  - name: c{cluster}\n    kubeconfig: {os.getcwd()}/kubeconfig-{cluster}\n    nodes:\n"
                f"      inventory: static\n      static: [{nodes}]\n      transport: ssh\n      sudo: false\n"
                "      ssh: {user: bench}\n"
            )
    for app in apps:
        with open(f"apps/{app.name}.yaml", "w") as file:
            file.write(
                f"app: {app.name}\ncluster: c{app.cluster}\nimage: {IMAGE}\ndrain: {{least: 0s}}\n"
                f"ports: {{container: 9000, blue: {app.blue}, green: {app.green}}}\n"
            )


def remember(apps):
    """An ended release of each app in the journal, as Viridian writes its events."""
    seconds = [0, 0]
    times = ("readyTimeout", "verifyTimeout", "stageTimeout", "drainLeast", "drainMost", "retain", "patience")
    rules = {"replicas": 1, "afterVerifyTimeout": "abort", "tolerate": 0, **{name: seconds for name in times}}
    database = sqlite3.connect("viridian.sqlite", timeout=60)
    at = int(time.time() * 1000)
    for app in apps:
        order = {
            "app": app.name, "number": 1, "kind": {"deploy": {}}, "version": "v0", "image": f"{IMAGE}:v0",
            "verify": False, "requestedBy": "bench", "rules": rules,
        }
        events = [
            {"requested": {"_0": order}}, {"abortRequested": {"by": "bench", "reason": "history"}},
            {"candidateRemoved": {}},
        ]
        for sequence, event in enumerate(events, 1):
            database.execute("INSERT INTO events VALUES (?, 1, ?, ?, ?)", (app.name, sequence, at, json.dumps(event)))
    database.commit()
    database.close()


def images(folder):
    """What pods run: sleep."""
    for version in ("v1", "v2"):
        path = f"{folder}/{IMAGE}:{version}"
        os.makedirs(path)
        with open(f"{path}/config.json", "w") as file:
            json.dump({"Cmd": ["sleep", "1000000"]}, file)


class Window:
    """What the server used between two moments."""

    def __init__(self, server, nodes, apis):
        self.sources = (server, nodes, apis)
        self.before = self.read()
        self.began = time.monotonic()

    def read(self):
        server, nodes, apis = self.sources
        return server.processor(), sum(nodes.requests.values()), sum(api.requests() for api in apis)

    def end(self):
        """Processor seconds, conversations and calls a minute."""
        minutes = (time.monotonic() - self.began) / 60
        return [(now - before) / minutes for now, before in zip(self.read(), self.before)]


def is_free(port):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def choose(apps, clusters):
    """A hundredth of the apps, of all clusters, no two with the same ports: the clusters share this machine's."""
    count = max(1, len(apps) // 100)
    places = len(apps) - (clusters - 1) * APPS_IN_A_CLUSTER
    free = [place for place in range(places) if is_free(apps[place].blue) and is_free(apps[place].green)]
    if len(free) < count:
        raise SystemExit("bench: too many of the ports 30000 to 32767 are in use")
    return [
        apps[(number % clusters) * APPS_IN_A_CLUSTER + free[number * len(free) // count]] for number in range(count)]


def measure(viridian, size):
    folder = tempfile.TemporaryDirectory(prefix="viridian-bench-", ignore_cleanup_errors=True)
    os.chdir(folder.name)
    apps = [App(index) for index in range(size)]
    clusters = apps[-1].cluster + 1
    released = choose(apps, clusters)
    nodes = bench_nodes.Nodes([(app.name, app.blue, app.green) for app in apps])
    os.makedirs("bin")
    nodes.write_ssh("bin")
    os.makedirs("images")
    images("images")
    processes = []
    try:
        for cluster in range(clusters):
            processes.append(subprocess.Popen(
                [viridian, "sandbox", "--port", "0", "--kubeconfig", f"kubeconfig-{cluster}", "--images", "images"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        while not all(os.path.exists(f"kubeconfig-{cluster}") for cluster in range(clusters)):
            time.sleep(0.05)
        apis = [API(f"kubeconfig-{cluster}") for cluster in range(clusters)]

        def fill(cluster):
            for app in apps:
                if app.cluster == cluster:
                    apis[cluster].create(app, 1 if app in released else 0)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(fill, range(clusters)))
        configure(apps, clusters)
        environment = os.environ | {"PATH": f"{folder.name}/bin:{os.environ['PATH']}"}
        # The first call makes the journal.
        subprocess.run([viridian, "token", "list"], stdout=subprocess.DEVNULL, check=True)
        remember(apps)
        server = Server(viridian, folder.name, environment)
        processes.append(server.process)
        result = {"apps": size, "nodes": NODES * clusters, "clusters": clusters, "start": server.start,
                  "start processor": server.start_processor}
        began = time.monotonic()
        server.wait(lambda: server.metric("viridian_check_round_conversations") is not None, 900)
        result["first"] = time.monotonic() - began + server.start
        # The first round reads everything at once. From now on, rounds are spread over the interval.
        server.wait(lambda: server.metric("viridian_check_round_seconds") is not None, 900)
        window = Window(server, nodes, apis)
        time.sleep(SECONDS)
        result["idle"] = window.end()
        result["memory"] = server.memory()
        result["round"] = server.metric("viridian_check_round_conversations")
        result["length"] = server.metric("viridian_check_round_seconds")
        print(json.dumps(result), file=sys.stderr)
        release(server, released, window, result)
        return result
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)
        os.chdir("/")


def release(server, released, window, result):
    """Releases these apps at once: until all await promotion, then for a while, then until all are live."""

    def state(app, wanted):
        answer = json.loads(server.ask("GET", f"/api/v1/apps/{app.name}/releases/2")[1])
        if answer["state"] not in ("running", "paused", wanted):
            raise SystemExit(f"bench: {app.name}/2 is {answer['state']}: {answer.get('failure')}")
        return answer["state"]

    def all_are(wanted):
        time.sleep(1)
        return {state(app, wanted) for app in released} == {wanted}

    began, used = time.monotonic(), server.processor()
    for app in released:
        status, text = server.ask("POST", f"/api/v1/apps/{app.name}/releases", {"version": "v2", "verify": True})
        if status != 201:
            raise SystemExit(f"bench: {status} {text}")
    server.wait(lambda: all_are("paused"), 900)
    result["paused"] = time.monotonic() - began
    pause = Window(*window.sources)
    time.sleep(SECONDS)
    result["releasing"] = pause.end()
    result["releasing memory"] = server.memory()
    promoted = time.monotonic()
    for app in released:
        status, text = server.ask("POST", f"/api/v1/apps/{app.name}/releases/2/promote", {})
        if status != 202:
            raise SystemExit(f"bench: {status} {text}")
    server.wait(lambda: all_are("live"), 900)
    result["live"] = time.monotonic() - promoted
    result["released"] = len(released)
    result["peak"] = server.memory("VmHWM")
    result["each"] = (server.processor() - used) / len(released)


def show(results):
    rows = [
        ("apps", lambda r: f"{r['apps']:,}"),
        ("nodes, in clusters", lambda r: f"{r['nodes']}, {r['clusters']}"),
        ("start until /readyz, s", lambda r: f"{r['start']:.1f}"),
        ("processor seconds until /readyz", lambda r: f"{r['start processor']:.1f}"),
        ("start until all was read once, s", lambda r: f"{r['first']:.1f}"),
        ("memory, idle, MB", lambda r: f"{r['memory']:.0f}"),
        ("processor seconds a minute, idle", lambda r: f"{r['idle'][0]:.1f}"),
        ("conversations a round", lambda r: f"{r['round']:.0f}"),
        ("seconds of a round", lambda r: f"{r['length']:.1f}"),
        ("conversations a minute, idle", lambda r: f"{r['idle'][1]:.0f}"),
        ("calls of the clusters' APIs a minute, idle", lambda r: f"{r['idle'][2]:.0f}"),
        ("releases at once (1 %)", lambda r: f"{r['released']}"),
        ("all await promotion after, s", lambda r: f"{r['paused']:.1f}"),
        ("memory, while they wait, MB", lambda r: f"{r['releasing memory']:.0f}"),
        ("processor seconds a minute, while they wait", lambda r: f"{r['releasing'][0]:.1f}"),
        ("calls of the clusters' APIs a minute, while they wait", lambda r: f"{r['releasing'][2]:.0f}"),
        ("all are live after their promotion, s", lambda r: f"{r['live']:.1f}"),
        ("processor seconds a release, all else included", lambda r: f"{r['each']:.2f}"),
        ("highest memory, MB", lambda r: f"{r['peak']:.0f}"),
    ]
    for name, text in rows:
        print(f"{name:54}" + "".join(f"{text(result):>12}" for result in results))
    largest = results[-1]
    if largest["apps"] >= 10_000:
        for what, value, bound in (
            ("memory at 10,000 apps", largest["memory"], 300),
            ("memory at 10,000 apps with 1 % releasing", largest["peak"], 300),
            ("seconds until /readyz", largest["start"], 5),
            ("conversations a round beyond one a node", largest["round"] - largest["nodes"], 0),
        ):
            print(f"goal: {what} at most {bound}: {'met' if value <= bound else 'MISSED'} ({value:.1f})")


def main():
    viridian, *sizes = sys.argv[1:]
    # Each measurement has a working directory of its own.
    viridian = os.path.abspath(viridian)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65_536, limit), limit))
    results = []
    for size in sizes or ["10", "1000", "10000"]:
        results.append(measure(viridian, int(size)))
        print(json.dumps(results[-1]), file=sys.stderr)
    print(f"viridian serve; sandboxed clusters, {NODES} simulated nodes each; processors: {os.cpu_count()}")
    show(results)
    print(OTHERS)


if __name__ == "__main__":
    main()
