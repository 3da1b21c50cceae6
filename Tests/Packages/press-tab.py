#!/usr/bin/env python3
"""What a shell offers when somebody presses Tab, in the shell itself, on a terminal of its own.

    press-tab.py bash|zsh|fish SCRIPT LINE EXPECTED

SCRIPT is the completion script. Ends with 0 as soon as EXPECTED stands on the terminal after LINE and Tab; with 1 and what stands there if
it does not come within two minutes.
"""
import os
import pty
import re
import select
import sys
import time

shell, script, typed, expected = sys.argv[1:]
READY = "ready-to-complete"
# The marker is printed, not echoed: it is in two pieces in what is typed.
SAY_READY = "echo ready-to''-complete"

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"source '{script}'; {SAY_READY}"),
    "fish": (["fish", "--no-config", "--interactive"], f"source '{script}'; {SAY_READY}"),
    # A script for zsh is found by its name in fpath.
    "zsh": (["zsh", "-f", "-i"],
            f"fpath=('{os.path.dirname(script)}' $fpath); autoload -Uz compinit; compinit -u -D; {SAY_READY}"),
}
arguments, preparation = SHELLS[shell]


def until(descriptor, text, limit):
    """Reads what the shell writes until the text is in it."""
    seen = ""
    while time.monotonic() < limit:
        if not select.select([descriptor], [], [], 1)[0]:
            continue
        try:
            piece = os.read(descriptor, 65536)
        except OSError:
            break
        seen += piece.decode(errors="replace")
        plain = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>])|[\r\x07]", "", seen)
        if text in plain:
            return plain
    sys.exit(f"{shell}: {text!r} did not come:\n{seen!r}")


limit = time.monotonic() + 120
child, terminal = pty.fork()
if child == 0:
    os.environ.update(TERM="xterm", PS1="", COLUMNS="200", LINES="50")
    os.execvp(arguments[0], arguments)
os.write(terminal, (preparation + "\n").encode())
until(terminal, READY, limit)
# Twice, for bash lists after the second one.
os.write(terminal, (typed + "\t\t").encode())
until(terminal, expected, limit)
os.kill(child, 9)
os.waitpid(child, 0)
