"""What the nodes answer, held against what they should."""

from run.load import get


class Site:
    """`check(page)` says of which version a page is."""

    def __init__(self, installation, account, check):
        self.installation, self.account, self.check = installation, account, check
        self.nodes, self.host = installation.nodes, installation.host

    def expect_version(self, claim, version, host=None):
        answers = [get(node.port, "/", host or self.host) for node in self.nodes]
        found = [self.check(page) if status == 200 else f"status {status}" for status, _, page in answers]
        self.account.holds(claim, found == [version] * len(self.nodes), found)

    def expect_status(self, claim, status, host):
        found = [get(node.port, "/", host)[0] for node in self.nodes]
        self.account.holds(claim, found == [status] * len(self.nodes), found)

    def expect_files(self, claim, paths):
        found = {path: [get(node.port, path, self.host)[0] for node in self.nodes] for path in paths}
        held = bool(found) and all(statuses == [200] * len(self.nodes) for statuses in found.values())
        self.account.holds(claim, held, found)

    def expect_no_failure(self, loads, readers):
        """After the visitors have ended: of wrk's requests and of what the readers asked for."""
        reports = [load.report() for load in loads]
        sent, failed = sum(number for number, _ in reports), [text for _, texts in reports for text in texts]
        pages = ", ".join(f"{count} of {version}" for version, count in sorted(readers.pages.items()))
        self.account.say(f"{sent} requests of wrk; readers got {pages}, and {readers.assets} files that these pages name.")
        self.account.holds("no request of wrk failed", sent > 0 and not failed, failed)
        complete = not readers.failures and len(readers.pages) == 2
        self.account.holds("readers got every page, of both versions, and every file", complete, readers.failures[:5] or readers.pages)

    def print_routes(self):
        """What each node routes to, as `viridian nodes` reads it back."""
        for line in self.installation.viridian("nodes", self.installation.app)[0].splitlines():
            print(f"                  {line}")
