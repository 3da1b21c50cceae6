"""An installation of Viridian for one app, all of it on this machine and in one folder."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

from run.nodes import Node
from run.processes import Failed, find, run, running, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def python_with(*modules):
    """An interpreter that has these modules: script/bootstrap installs them below .build/python."""
    for candidate in (ROOT / ".build/python/bin/python3", sys.executable):
        command = [str(candidate), "-c", "import " + ", ".join(modules)]
        if pathlib.Path(candidate).exists() and subprocess.run(command, capture_output=True).returncode == 0:
            return str(candidate)
    return None


def missing(app_needs):
    """What is missing here, as Debian calls its packages. `app_needs` has the app's own programs: package, program names."""
    packages = [
        ("nginx-light", "nginx"), ("wrk", "wrk"), ("kubectl", "kubectl"), ("curl", "curl"), ("util-linux", "unshare"), *app_needs,
    ]
    return [package for package, *names in packages if not find(*names)]


def built_viridian():
    path = pathlib.Path(os.environ.get("VIRIDIAN_BINARY") or ROOT / ".build/debug/viridian")
    if not path.exists():
        print("Building viridian. The first time takes some minutes.", flush=True)
        if subprocess.run(["swift", "build", "--product", "viridian"], cwd=ROOT, stdout=sys.stderr).returncode != 0:
            raise Failed("swift build failed")
    return str(path)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports(count):
    """Ports that were free at the same moment."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Installation:
    """`home` is the folder; `sources` is the app's repository, with its Viridian files in viridian/; `blue` is the NodePort wanted."""

    def __init__(self, app, sources, home, blue):
        self.app, self.sources, self.home = app, sources, home
        self.blue = next((port for port in range(blue, 32760, 10) if is_free(port) and is_free(port + 1)), None)
        if not self.blue:
            raise Failed(f"no pair of NodePorts is free from {blue} on")
        ports = free_ports(4)
        self.nodes = [Node(f"node-{number}", home, *ports[2 * number - 2 : 2 * number]) for number in (1, 2)]
        self.images = home / "images"
        self.viridian_path = built_viridian()
        self.environment = {
            key: value for key, value in os.environ.items()
            if not key.startswith(("VIRIDIAN_", "KUBE", "AWS_")) and not key.lower().endswith("_proxy")
        }
        # Temporary files of everything that runs are in the folder too.
        self.environment |= {"TMPDIR": str(home / "tmp"), "HOME": str(home / "home"), "KUBECONFIG": str(home / "kubeconfig")}
        for folder in ("images", "apps", "tmp", "home"):
            (home / folder).mkdir()

    # The app's configuration, as it is in the repository

    def app_file(self):
        return (self.sources / f"viridian/apps/{self.app}.yaml").read_text()

    def value(self, key):
        """A value of one line of the app's file."""
        found = re.search(rf"^{key}: *\[?([^\]#\n]*?)\]? *(?:#.*)?$", self.app_file(), re.MULTILINE)
        return found[1].split(",")[0].strip() if found else None

    @property
    def host(self):
        return self.value("hosts")

    @property
    def preview(self):
        return self.value("preview")

    @property
    def image(self):
        return self.value("image")

    def on_this_machine(self, text):
        """The app's file for this machine: NodePorts that are free, directories in the folder, a short drain."""
        for pattern, replacement in [
            (r"blue: \d+, green: \d+", f"blue: {self.blue}, green: {self.blue + 1}"),
            (r"to: (/srv/\w+)", rf'to: "{self.home}/nodes/{{node}}\1"'),
            (r"^drain: .*$", "drain: {least: 2s, most: 10s}"),
        ]:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        return text

    def write(self):
        """Viridian's configuration for this machine, and what it renders for the nodes from the one of the repository."""
        production = self.home / "production"
        shutil.copytree(self.sources / "viridian", production)
        file = production / f"apps/{self.app}.yaml"
        file.write_text(re.sub(r"blue: \d+, green: \d+", f"blue: {self.blue}, green: {self.blue + 1}", file.read_text()))
        for what in ("nginx", "kubernetes"):
            self.viridian("render", what, self.app, "--into", str(self.home / "rendered"), configuration=production)
        for node in self.nodes:
            node.write(self.home / "rendered", self.host)
        for file in (self.sources / "viridian").glob("*-pod.yaml"):
            shutil.copy(file, self.home)
        (self.home / f"apps/{self.app}.yaml").write_text(self.on_this_machine(self.app_file()))
        nginx = " ".join(self.nodes[0].command(self.home / "nodes/{node}"))
        (self.home / "viridian.yaml").write_text(
            "journal: viridian.sqlite\n"
            "kubernetes: {kubeconfig: kubeconfig}\n"
            "nodes:\n"
            "  inventory: static\n"
            f"  static: [{', '.join(node.name for node in self.nodes)}]\n"
            "  transport: local\n"
            "  sudo: false\n"
            f"  backends: {self.home}/nodes/{{node}}/backends.d\n"
            f"  test: {nginx} -t\n"
            f"  reload: {nginx} -s reload\n"
            f"  pid: {self.home}/nodes/{{node}}/nginx.pid\n"
            "apps: apps/*.yaml\n"
        )

    # Programs

    def viridian(self, *arguments, configuration=None, status=(0,)):
        """Runs viridian to its end; returns what it printed and its exit status, which has to be one of `status`."""
        environment = self.environment | {"VIRIDIAN_CONFIG": str((configuration or self.home) / "viridian.yaml")}
        done = subprocess.run(
            [self.viridian_path, *arguments], env=environment, cwd=self.home, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode not in status:
            raise Failed(f"viridian {' '.join(arguments)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout, done.returncode

    def kubectl(self, *arguments):
        return run([find("kubectl"), *arguments], env=self.environment)

    @contextlib.contextmanager
    def running(self):
        """The cluster, with the app's namespace and services, and the nodes."""
        with contextlib.ExitStack() as stack:
            log = self.home / "sandbox.log"
            command = [self.viridian_path, "sandbox", "--port", "0", "--images", str(self.images)]
            command += ["--kubeconfig", self.environment["KUBECONFIG"]]
            sandbox = stack.enter_context(running(command, log, stop=signal.SIGINT, env=self.environment))
            wait_until(lambda: "export KUBECONFIG=" in log.read_text(), "the sandbox starts", [sandbox])
            self.kubectl("apply", "-f", str(self.home / "rendered/kubernetes"))
            for node in self.nodes:
                process = stack.enter_context(node.running())
                node.wait_until_up(process)
            yield self

    @contextlib.contextmanager
    def running_s3(self, bucket):
        """S3 with an empty bucket; `put` uploads to it, and viridian finds it by its environment."""
        python = python_with("boto3", "moto.server")
        log = self.home / "s3.log"
        with running([python, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], log, env=self.environment) as server:
            address = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
            wait_until(lambda: address.search(log.read_text()), "S3 starts", [server])
            keys = {"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_REGION": "us-east-1"}
            self.environment |= keys | {"AWS_DEFAULT_REGION": "us-east-1"}
            self.environment["AWS_ENDPOINT_URL"] = address.search(log.read_text())[1]
            self.s3(python, f"create_bucket(Bucket={bucket!r})")
            yield lambda file, key: self.s3(python, f"upload_file({str(file)!r}, {bucket!r}, {key!r})")

    def s3(self, python, call):
        run([python, "-c", f"import boto3; boto3.client('s3').{call}"], env=self.environment)
