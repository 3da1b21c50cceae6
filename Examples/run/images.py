"""Images for `viridian sandbox --images` without a container engine: the sources, and this machine's programs.

What the container runs is read from the app's Dockerfile, so that it is the same as in an image that docker builds: CMD, ENV, USER,
WORKDIR, STOPSIGNAL. What the Dockerfile's RUN lines do, the app's module does on this machine.
"""

import json
import pathlib
import shlex
import shutil

from run.processes import Failed


def configuration(dockerfile, programs):
    """The OCI configuration that the Dockerfile makes. `programs` are names in its CMD and the programs of this machine for them."""
    config = {"Env": [], "Cmd": None, "User": "", "WorkingDir": "/", "StopSignal": "SIGTERM"}
    for line in dockerfile.read_text().replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if word == "ENV":
            config["Env"] += shlex.split(rest)
        elif word == "CMD":
            config["Cmd"] = json.loads(rest)
        elif word in ("USER", "WORKDIR", "STOPSIGNAL"):
            config[{"USER": "User", "WORKDIR": "WorkingDir", "STOPSIGNAL": "StopSignal"}[word]] = rest
        elif word == "ENTRYPOINT":
            raise Failed(f"{dockerfile} has an ENTRYPOINT, which this script does not read")
    if not config["Cmd"]:
        raise Failed(f"{dockerfile} has no CMD")
    config["Cmd"][0] = programs.get(config["Cmd"][0], config["Cmd"][0])
    return config


def sources(installation, version, changes):
    """A copy of what the Dockerfile copies into the image, with a version's changes: file, text, text instead of it."""
    code = installation.home / f"build/{version}"
    ignored = shutil.ignore_patterns("viridian", "compose*", "Dockerfile", ".*", "__pycache__")
    shutil.copytree(installation.sources, code, ignore=ignored)
    for name, old, new in changes:
        text = (code / name).read_text()
        if old not in text:
            raise Failed(f'{name} has no "{old}" for {version} to change')
        (code / name).write_text(text.replace(old, new))
    return code


def write(folder, reference, code, config):
    """Writes an image whose /code is a copy of `code`; a pod that waits for it then finds it whole."""
    image = folder / reference
    shutil.copytree(code, image / "files/code", symlinks=True)
    # The program is not root.
    for path in [image / "files/code", *(image / "files/code").rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    draft = image / "config.json.new"
    draft.write_text(json.dumps({"config": config}, indent=2) + "\n")
    draft.rename(image / "config.json")


def is_private(program):
    """Whether only this user can run the program, because of a directory on the way to it."""
    path = pathlib.Path(program).resolve()
    return not all(parent.stat().st_mode & 0o001 for parent in path.parents)
