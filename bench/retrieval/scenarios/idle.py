"""Very many accounts in IDLE in one process: what a connection that waits costs."""
import glob
import time

import agent
import peers

from .. import measuring
from ..mail_server import MailServer
from ..ours import settings
from ..report import Table

PATIENCE = 300  # seconds until all have to be in IDLE
WATCH = 20  # seconds of waiting in which CPU is counted
LIMIT_KB = 40
MOST_THREADS = 100  # whatever the number of accounts (docs/ARCHITECTURE.md)


def run(chosen, report):
    count = 100 if chosen.small else 1_000
    server = MailServer([f"user{number:04}" for number in range(1, count + 1)], extra="verbose_proctitle = yes\n")
    try:
        table = Table(f"{count} accounts in IDLE, one process",
                      ["TLS", "connections", "RSS MB", "threads", f"CPU ms in {WATCH} s", "until all wait, s"])
        costs = {}
        for tls in ("none", "implicit"):
            few, many = (watch(server, number, tls) for number in (count // 10, count))
            table.rows += [[tls, *few.cells()], [tls, *many.cells()]]
            costs[tls] = (many.rss - few.rss) / (many.connections - few.connections) / 1024
            table.proofs.append(f"TLS {tls}: {costs[tls]:.1f} KB more RSS for each connection more")
        table.at_most("ours for each connection (the cost without TLS)", costs["none"], LIMIT_KB, " KB")
        table.at_most("threads", many.threads, MOST_THREADS)
        report.add(table)
    finally:
        server.stop()


class Watched:
    def __init__(self, connections, pid, waited):
        self.connections, self.waited = connections, waited
        before = processor_time(pid)
        time.sleep(WATCH)
        self.cpu = processor_time(pid) - before
        with open(f"/proc/{pid}/status", encoding="utf-8") as text:
            fields = dict(line.split(":", 1) for line in text)
        self.rss = int(fields["VmRSS"].split()[0]) * 1024
        self.threads = int(fields["Threads"])

    def cells(self):
        return [self.connections, f"{self.rss / 1e6:.1f}", self.threads, f"{self.cpu * 1000:.0f}", f"{self.waited:.0f}"]


def processor_time(pid):
    """Of all threads, in seconds, as the scheduler counted it."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="utf-8") as text:
            total += int(text.read().split()[0])
    return total / 1e9


def in_idle():
    """How many of Dovecot's processes say in their title that their client is in IDLE."""
    count = 0
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as text:
                title = text.read(200)
        except OSError:
            continue
        count += title.startswith(b"dovecot/imap") and b" IDLE" in title
    return count


def watch(server, count, tls):
    accounts = [server.account(f"user{number:04}", "imap", tls) for number in range(1, count + 1)]
    ours = agent.Agent({"accounts": {one.name: settings(one) | {"idle": True, "poll": "1h"} for one in accounts}}, name="bench")
    try:
        ours.add_user()
        measuring.say(f"idle: {count} accounts, TLS {tls}")
        ours.start()
        begin = time.monotonic()
        peers.wait_until(lambda: in_idle() >= count, PATIENCE, f"IDLE of {count} accounts ({in_idle()} are)")
        return Watched(count, ours.running.process.pid, time.monotonic() - begin)
    finally:
        ours.remove()
        peers.wait_until(lambda: in_idle() == 0, 60, "the end of the connections")
