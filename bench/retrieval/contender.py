"""What every contender offers to the scenarios."""
import os
import re
import shutil
import subprocess


def write(path, text):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def make_maildir(path):
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, part))
    return path


def count_maildir(path):
    return sum(len(os.listdir(os.path.join(path, part))) for part in ("cur", "new"))


def package_version(package):
    result = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return f"{package} {result.stdout}".strip()


class Contender:
    """One program fetching some accounts in one process, in an empty directory of its own; `again` says that it has fetched
    them before and is to look for news only."""

    name = ""
    program = ""
    protocols = ("imap", "pop3")
    statuses = (0,)
    new_by_flag = ()  # the protocols by which it takes for new what is not \\Seen, and keeps no record of its own

    def __init__(self, accounts, directory, again=False):
        self.accounts, self.directory, self.again = accounts, directory, again

    def path(self, *names):
        return os.path.join(self.directory, *names)

    @classmethod
    def missing(cls):
        return None if shutil.which(cls.program) else f"{cls.program} is not installed"

    @classmethod
    def version(cls):
        """What the program calls itself, or the first number of its --version."""
        result = subprocess.run([cls.program, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\d+(\.\d+)+", result.stdout + result.stderr)
        return f"{cls.program} {found.group(0) if found else ''}".strip()

    def prepare(self):
        """Writes the configuration; returns the command to be measured."""
        raise NotImplementedError

    def count(self):
        """The number of messages that it has, of all accounts, from what was kept."""
        raise NotImplementedError

    def verify(self, digests):
        """Beyond the count; returns a line for the report or None."""

    def finish(self):
        """Ends what prepare started."""
