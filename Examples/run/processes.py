"""Child processes that end with this one, however it ends."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

# For the machine that is busiest; nothing waits for as long as this unless something is wrong.
PATIENCE = 180


class Failed(Exception):
    """Why the example cannot go on."""


def find(*names):
    """The path of the first of these programs, on PATH or where daemons live."""
    places = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return next((path for name in names if (path := shutil.which(name, path=places))), None)


def wait_until(condition, what, running=()):
    """Waits for what has no event to wait for. `running` are processes without which it cannot come."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        for process in running:
            if process.poll() is not None:
                raise Failed(f"{what}: {process.args[0]} ended with status {process.returncode}")
        if time.monotonic() > limit:
            raise Failed(f"{what}: not within {PATIENCE} s")
        time.sleep(0.02)


@contextlib.contextmanager
def running(command, log, stop=signal.SIGTERM, **options):
    """Runs a program while the body runs; its output goes to the file `log`."""
    # The kernel ends it when this process is killed (prctl(2), PR_SET_PDEATHSIG).
    bound = ["setpriv", "--pdeathsig", "TERM", "--"] if find("setpriv") else []
    with open(log, "wb") as output:
        # A session of its own: Ctrl-C on the terminal is for this process, which ends its children in order.
        process = subprocess.Popen(
            bound + command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **options
        )
    process.args = command
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(command, **options):
    """Runs a program to its end and returns what it printed; a failure ends the example."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
