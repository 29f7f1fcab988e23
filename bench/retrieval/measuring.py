"""Runs of contenders: interleaved, the order rotating, each a whole process measured from outside."""
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

import peers

from . import wire

LONGEST = 1800  # seconds for one run: then it hangs
PATIENCE = 20  # who takes longer than so many seconds for a run is not run again
EATMYDATA = f"/usr/lib/{os.uname().machine}-linux-gnu/libeatmydata.so"  # a process with it does not wait for fsync


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


@dataclass
class Run:
    wall: float
    cpu: float
    rss: int
    traffic: wire.Traffic = None


def median(runs, what):
    """Of a member of the runs, or of their traffic."""
    return statistics.median(getattr(run, what) if hasattr(run, what) else getattr(run.traffic, what) for run in runs)


def fewest_trips(runs):
    """Of all runs: a server that gets no processor for a while makes commands sent ahead look like ones that wait."""
    return min(run.traffic.round_trips for run in runs)


def run_command(command, directory, name, statuses=(0,), preload=None, long_wire=None):
    """One run of a command whose output goes into files of the directory."""
    environment = {**os.environ, "HOME": directory, "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    starter = [os.path.join(wire.TOOLS, "bench_measure"), str(LONGEST), *command]
    if preload:
        starter[2:2] = ["env", f"LD_PRELOAD={preload}"]
    if long_wire:
        long_wire.traffic()
    report, report_in = os.pipe()
    with open(os.path.join(directory, "stdout"), "wb") as out, open(os.path.join(directory, "stderr"), "wb") as errors:
        shell = ["/bin/sh", "-c", f'exec "$@" 3>&{report_in}', "sh", *starter]
        subprocess.run(shell, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=environment, pass_fds=[report_in], check=True)
    os.close(report_in)
    with os.fdopen(report) as text:
        result = json.load(text)
    if result["status"] not in statuses:
        with open(os.path.join(directory, "stderr"), encoding="utf-8", errors="replace") as errors:
            raise Fallen(f"{name} ended with status {result['status']}: {errors.read()[-2000:]}")
    return Run(result["wall"], result["cpu"], result["rss"], long_wire.traffic() if long_wire else None)


class Fallen(Exception):
    """A contender that ended with an error, or without every message."""


class Field:
    """Contenders in turns. A peer that falls is left out from then on, with a word in the report; if Mailstead falls, all ends. `race` fetches everything into emptiness; `look_again` looks for news where there is none."""

    def __init__(self, kinds, rounds):
        self.kinds = [kind for kind in kinds if self._there(kind)]
        self.rounds = rounds
        self.runs = {kind: [] for kind in self.kinds}
        self.proofs = []

    @staticmethod
    def _there(kind):
        problem = kind.missing()
        if problem:
            say(f"without {kind.name}: {problem}")
        return not problem

    def turns(self):
        for number in range(self.rounds):
            turn = number % len(self.kinds)
            for kind in self.kinds[turn:] + self.kinds[:turn]:
                if kind not in self.runs:
                    continue
                if not self.runs[kind] or median(self.runs[kind], "wall") < PATIENCE:
                    yield number, kind

    def note(self, kind, run, label):
        self.runs[kind].append(run)
        trips = f", {run.traffic.round_trips:.0f} round trips" if run.traffic else ""
        say(f"{label}: {kind.name}: {run.wall:.3f} s, CPU {run.cpu * 1000:.0f} ms, {run.rss / 1e6:.0f} MB{trips}")

    def leave_out(self, kind, why):
        if kind is self.kinds[0]:
            raise SystemExit(f"bench: {why}")
        say(f"left out: {why}")
        self.proofs.append(f"left out: {why}")
        self.runs.pop(kind, None)

    def race(self, label, accounts, digests, long_wire=None):
        """Each from nothing; whoever does not have every message at the end falls."""
        for number, kind in self.turns():
            place = peers.Directory("bench")
            contender = kind(accounts, place.path)
            try:
                command = contender.prepare()
                os.sync()
                run = run_command(command, place.path, kind.name, kind.statuses, long_wire=long_wire)
                check_count(contender, len(digests))
                if number == self.rounds - 1 and (proof := contender.verify(digests)):
                    self.proofs.append(f"{label}: {proof}")
                self.note(kind, run, label)
            except Fallen as why:
                self.leave_out(kind, why)
            finally:
                contender.finish()
                place.remove()

    def look_again(self, label, accounts, expected, long_wire, milliseconds):
        """Each fetches all there is, unmeasured, undelayed and without waiting for the disk, and looks once more, which may take
        longer than all later looks; then the rounds begin."""
        standing = {}
        try:
            for kind in self.kinds:
                say(f"{label}: {kind.name} fetches what is there")
                standing[kind] = Standing(kind, accounts, expected)
                self._attempt(kind, standing[kind].fetch, long_wire)
            long_wire.round_trip(milliseconds)
            for kind in list(self.runs):
                self._attempt(kind, standing[kind].look, long_wire)
            for _, kind in self.turns():
                if run := self._attempt(kind, standing[kind].look, long_wire):
                    self.note(kind, run, label)
            for kind in list(self.runs):
                self._attempt(kind, standing[kind].check)
        finally:
            long_wire.round_trip(0)
            for one in standing.values():
                one.remove()

    def _attempt(self, kind, what, *arguments):
        try:
            return what(*arguments)
        except Fallen as why:
            return self.leave_out(kind, why)


class Standing:
    """A contender that keeps what it fetched from one look to the next."""

    def __init__(self, kind, accounts, expected):
        self.place = peers.Directory("bench")
        self.contender = kind(accounts, self.place.path, again=True)
        self.command = self.contender.prepare()
        # What is \\Seen is not new for those who tell by that alone.
        self.expected = 0 if accounts[0].protocol in kind.new_by_flag else expected

    def fetch(self, long_wire=None):
        """All there is, without waiting for the disk."""
        run_command(self.command, self.place.path, self.contender.name, self.contender.statuses,
                    EATMYDATA if os.path.exists(EATMYDATA) else None, long_wire)
        self.check()

    def look(self, long_wire=None, command=None):
        return run_command(command or self.command, self.place.path, self.contender.name, self.contender.statuses, None, long_wire)

    def check(self):
        check_count(self.contender, self.expected)

    def remove(self):
        self.contender.finish()
        self.place.remove()


def check_count(contender, expected):
    count = contender.count()
    if count != expected:
        raise Fallen(f"{contender.name} has {count} messages of {expected}")
