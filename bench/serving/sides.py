"""The two servers, each with the same messages in the INBOX of one user."""
import glob
import os
import subprocess

import agent

from retrieval import measuring
from retrieval.mail_server import MailServer
from retrieval.ours import settings

# As an administrator would have it who wants mail to be kept: Dovecot's own default for fsync, and caches of what clients ask for.
KEPT = """
mail_fsync = optimized
mail_always_cache_fields = size.virtual imap.envelope imap.bodystructure date.received
mail_max_userip_connections = 5000
"""


def occupied(pids):
    """Octets of memory that these processes have to themselves, and their share of what is common (PSS)."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
        except FileNotFoundError:
            pass
    return total


def family(pid):
    """A process and all that stem from it."""
    children = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    parent = dict(zip(map(int, children[::2]), map(int, children[1::2])))
    found = {pid}
    while more := {one for one, above in parent.items() if above in found} - found:
        found |= more
    return found


class Dovecot:
    name = "dovecot"
    user = "alice"

    def __init__(self, messages):
        self.server = MailServer([self.user], extra=KEPT)
        self.keep_password_as_keys()
        self.holding = self.server.fill_box(self.user, messages)
        self.port, self.password = self.server.ports["imap"], self.server.PASSWORD

    def keep_password_as_keys(self):
        """As Mailstead keeps it: in the clear a sign-in would cost nothing."""
        made = subprocess.run(["doveadm", "pw", "-s", "SCRAM-SHA-256", "-p", self.server.PASSWORD], capture_output=True, text=True,
                              check=True).stdout.strip()
        with open(self.server.directory / "users", "w", encoding="utf-8") as users:
            users.write(f"{self.user}:{made}\n")

    def memory(self):
        return occupied(family(self.server.process.process.pid))

    def forget_cache(self):
        """What Dovecot knows of messages it has shown before; without it the next listing is a first one."""
        for path in glob.glob(f"{self.server.directory.path}/mail/{self.user}/mdbox/mailboxes/INBOX/dbox-Mails/dovecot.index.cache*"):
            os.unlink(path)

    def stop(self):
        self.server.stop()


class Mailstead:
    name = "mailstead"
    user, password = "me", "local word"

    def __init__(self, source):
        account = source.server.account(source.user, "imap")
        self.agent = agent.Agent({"accounts": {account.name: settings(account)}}, name="bench")
        self.agent.add_user()
        quick = {"LD_PRELOAD": measuring.EATMYDATA} if os.path.exists(measuring.EATMYDATA) else None
        fetched = self.agent.command("poll", "--json", environment=quick, timeout=1800)
        assert fetched.returncode == 0
        listener = {"address": "127.0.0.1:0", "tls": "none", "max_connections_per_user": 5000, "max_connections_per_address": 5000}
        self.agent.configure({**self.agent.configuration, "accounts": {}, "listeners": {"imap": listener}})
        self.agent.start()
        self.port = self.agent.listener_port("imap")

    def memory(self):
        return occupied([self.agent.running.process.pid])

    def forget_cache(self):
        """Nothing to forget: what a listing needs is kept with each message from its arrival."""

    def stop(self):
        self.agent.remove()
