"""A terminal with a person at it: runs a program on a pseudo-terminal and types each line when what it answers was shown.

Reads JSON on standard input: {"command": [...], "folder": "...", "typing": [["what is shown", "what is typed"], ...]}.
Writes {"shown": "...", "status": 0}; the status of a program that a signal ended is that signal, negative.
"""
import json
import os
import pty
import select
import sys
import time

order = json.load(sys.stdin)
limit = time.monotonic() + 100

child, terminal = pty.fork()
if child == 0:
    os.chdir(order["folder"])
    os.execv(order["command"][0], order["command"])

shown = ""
answered = 0
typing = list(order["typing"])
while True:
    if not select.select([terminal], [], [], max(0, limit - time.monotonic()))[0]:
        os.kill(child, 9)
        break
    try:
        part = os.read(terminal, 65536)
    except OSError:  # EIO: the program has ended.
        break
    if not part:
        break
    shown += part.decode("utf-8", "replace")
    while typing and typing[0][0] in shown[answered:]:
        awaited, text = typing.pop(0)
        answered = shown.index(awaited, answered) + len(awaited)
        os.write(terminal, text.encode())

_, status = os.waitpid(child, 0)
print(json.dumps({"shown": shown, "status": os.waitstatus_to_exitcode(status)}))
