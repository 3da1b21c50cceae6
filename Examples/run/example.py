"""The command line of script/example, and what it prints."""

import argparse
import contextlib
import importlib
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from run.installation import ROOT, Installation, missing, python_with
from run.processes import Failed

# The apps of Examples/, each with a module here.
APPS = {"blog": 30000, "www": 30010}


class Account:
    """What has happened, and what held of that which has to hold."""

    def __init__(self):
        self.began, self.failed = time.monotonic(), 0

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def holds(self, claim, held, found=""):
        self.failed += 0 if held else 1
        print(f"          {'ok    ' if held else 'FAILED'}  {claim}" + ("" if held else f": {found}"), flush=True)


def arguments(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("app", choices=APPS)
    parser.add_argument("--stay", action="store_true", help="leave it running in the end, and print what to open")
    parser.add_argument("--blue", type=int, help="blue's NodePort; green's is the next one (default: the app's, or the next pair that is free)")
    return parser.parse_args()


def main(description):
    chosen = arguments(description)
    story = importlib.import_module(f"run.{chosen.app}")
    packages = missing(story.NEEDS)
    if not python_with(*story.LIBRARIES):
        packages.append(f"{' and '.join(story.LIBRARIES)} of PyPI")
    if packages:
        print(f"script/example: missing: {', '.join(packages)}. script/bootstrap installs them on Debian and Ubuntu.", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    account = Account()
    # Only this user can read or change it: it has configurations that name commands.
    home = pathlib.Path(tempfile.mkdtemp(prefix="viridian-example-"))
    try:
        installation = Installation(chosen.app, ROOT / "Examples" / chosen.app, home, chosen.blue or APPS[chosen.app])
        with contextlib.ExitStack() as stack:
            story.run(installation, account, stack)
            if chosen.stay:
                stay(installation)
    except Failed as failure:
        account.holds("the example runs to its end", False, failure)
        show_logs(home)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    finally:
        shutil.rmtree(home, ignore_errors=True)
    account.say(f"{account.failed} of what has to hold did not hold." if account.failed else "Everything held.")
    return 1 if account.failed else 0


def stay(installation):
    balancer = installation.nodes[0].balancer
    print(f"""
It stays up until Ctrl-C.
  The site, as a visitor gets it:  http://127.0.0.1:{balancer}/
  The preview, by a node:          curl -H 'Host: {installation.preview}' -H 'X-Forwarded-Proto: https' http://127.0.0.1:{installation.nodes[0].port}/
  Viridian:                        export VIRIDIAN_CONFIG={installation.home}/viridian.yaml
                                   {installation.viridian_path} status {installation.app}
  The cluster:                     export KUBECONFIG={installation.home}/kubeconfig
                                   kubectl get pods -n {installation.app}
  A further version:               a folder {installation.images}/{installation.image}:v3 like that of v2, its assets in S3,
                                   and {installation.viridian_path} deploy {installation.app} --version v3
""", flush=True)
    signal.pause()


def show_logs(home):
    """The ends of the logs of what did not do what it should."""
    for log in sorted([*home.glob("*.log"), *home.glob("nodes/*/*.log"), *home.glob("nodes/*/log/*.error.log")]):
        lines = log.read_text(errors="replace").splitlines()[-15:]
        if lines:
            print(f"--- {log.relative_to(home)}\n" + "\n".join(lines), file=sys.stderr)
