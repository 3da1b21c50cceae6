"""The blog, released: its assets in S3, v1, then v2 with a pause for a look at the preview, then back to v1."""

import contextlib
import re

from run import images, processes
from run.load import Readers, Wrk
from run.processes import find
from run.site import Site

FPM = ["php-fpm", *(f"php-fpm8.{minor}" for minor in range(9, 0, -1))]
NEEDS = [("php-fpm", *FPM)]
LIBRARIES = ("boto3", "moto.server")
PATHS = ["/", "/posts/two-colours"]
# What v2 changes: the title of all pages, and the style sheet.
CHANGES = [
    ("templates/layout.php", "The blog of domain.com", "The blog of domain.com, second edition"),
    ("public/style.css", "--accent: #2a6f4e", "--accent: #8a3b12"),
]


def build(installation, version, changes, put):
    """What the pipeline does: the image, and the archive of assets for the nodes."""
    code = images.sources(installation, version, changes)
    archive = installation.home / f"build/{version}.tgz"
    processes.run([str(code / "bin/build-assets"), str(archive)])
    put(archive, f"blog/{version}.tgz")
    # The Dockerfile's RUN.
    processes.run([str(code / "bin/build-assets")])
    config = images.configuration(installation.sources / "Dockerfile", {"php-fpm": find(*FPM)})
    images.write(installation.images, f"{installation.image}:{version}", code, config)
    return [f"/{file.name}" for file in (code / "public").glob("*.*.*")]


def check(page):
    """A page says who made it: which version of the blog, and that it was php-fpm."""
    found = re.search(r"<footer>Version (\S+), answered by (\S+) \(PHP \S+, (\S+), process \d+\)</footer>", page)
    assert found, f"a page without its last line: {page[:200]}"
    version, _, server = found.groups()
    assert server == "fpm-fcgi", f"answered by {server}"
    assert ("second edition" in page) == (version == "v2"), f"a title of another version than {version}"
    return version


def run(installation, account, stack):
    """`stack` keeps what has to run until the end."""
    installation.write()
    put = stack.enter_context(installation.running_s3("domain-deploy"))
    assets = {version: build(installation, version, changes, put) for version, changes in [("v1", []), ("v2", CHANGES)]}
    stack.enter_context(installation.running())
    site, preview = Site(installation, account, check), installation.preview
    account.say(f"A cluster, {len(installation.nodes)} nginx and S3 run in {installation.home}.")

    account.say("Deploying v1.")
    installation.viridian("deploy", "blog", "--version", "v1")
    site.expect_version("v1 is live: each node answers with it, from php-fpm", "v1")
    site.expect_files("its style sheet and icon are on each node", assets["v1"])
    site.expect_status(f"{preview} says that nothing is being previewed", 503, preview)

    with contextlib.ExitStack() as visitors:
        loads = [visitors.enter_context(Wrk(node, installation.host, PATHS).running()) for node in installation.nodes]
        readers = visitors.enter_context(Readers(installation.nodes, installation.host, check).running())
        readers.wait_for("v1")
        account.say("Deploying v2 while requests come in, with a pause before the switch.")
        installation.viridian("deploy", "blog", "--version", "v2", "--verify", "--wait", "paused", status=(3,))
        site.expect_version("v2 is paused for verification, and visitors still get v1", "v1")
        site.expect_version(f"{preview} shows v2 meanwhile, on each node", "v2", preview)

        account.say("Promoting v2.")
        installation.viridian("promote", "blog")
        site.expect_version("v2 is live: each node answers with it", "v2")
        site.expect_files("each node has the style sheet and icon of v2", assets["v2"])
        site.expect_files("each node still has those of v1, for pages that visitors have open", assets["v1"])
        site.print_routes()
        readers.wait_for("v2")

        account.say("Rolling back.")
        installation.viridian("rollback", "blog")
        site.expect_version("v1 is live again: each node answers with it", "v1")
        site.expect_files("each node still has the style sheet and icon of v2", assets["v2"])
        site.print_routes()

    site.expect_no_failure(loads, readers)
