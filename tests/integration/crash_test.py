"""kill -9 at every named point of the way and at random instants: in the end each message exists exactly once, the source
is clean, and only a lost answer of an SMTP server can make a second copy. The seed of a run is printed; MAILSTEAD_SEED
sets it."""
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
import unittest

import agent
import corpus
import peers

KILLS = int(os.environ.get("MAILSTEAD_KILLS", "200"))
SEED = int(os.environ.get("MAILSTEAD_SEED", str(time.time_ns() % 1_000_000)))
RECEIVE_STAGES = ("receive.done", "writer.before_sync", "writer.after_sync", "writer.in_transaction", "writer.after_commit",
                  "cleanup.before", "cleanup.after")


class Crash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"seed {SEED}")
        cls.users = [f"u{number}" for number in range(40)]
        cls.server = peers.Dovecot(users=cls.users)
        cls.addClassCleanup(cls.server.stop)

    def make(self, protocol, user, **more):
        made = agent.Agent({"accounts": {"source": agent.account(protocol, self.server, user, after_fetch={"do": "delete"})},
                            **more})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def source_is_clean(self, user):
        path = self.server.maildir(user)
        return not any(os.listdir(os.path.join(path, part)) for part in ("cur", "new"))

    def killed_at(self, made, fault):
        result = made.command("poll", expect=None, environment={"MAILSTEAD_FAULT": fault})
        self.assertIn(result.returncode, (-signal.SIGKILL, 0, 1), result.stderr)
        return result.returncode == -signal.SIGKILL

    def test_named_points_of_the_way_in(self):
        for protocol in ("imap", "pop3"):
            user = self.users.pop()
            messages = corpus.corpus(60, seed=51, size=3000, tag=protocol)
            self.server.fill(user, messages)
            made = self.make(protocol, user)
            deaths = {}
            for stage in RECEIVE_STAGES:
                if self.killed_at(made, f"{stage}:1"):
                    deaths[stage] = 1
                made.command("check", "--data")
            self.assertTrue({"receive.done", "writer.before_sync", "writer.in_transaction", "writer.after_commit",
                             "cleanup.before"} <= set(deaths), deaths)
            made.poll()
            with self.subTest(protocol=protocol):
                agent.assert_same(self, made.kept(), messages)
                self.assertTrue(self.source_is_clean(user))
                last = made.poll()["source"]
                self.assertEqual((last["new"], last["bytes"]), (0, 0))

    def kill_at_random(self, made, rng, longest):
        process = subprocess.Popen([agent.BINARY, "-c", made.config, "-q", "-q", "poll", "--json"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(0.0, longest))
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True

    def test_random_instants_while_two_thousand_messages_are_pulled(self):
        rng = random.Random(SEED)
        kills, rounds = 0, 0
        while kills < KILLS:
            rounds += 1
            protocol = rng.choice(("imap", "imap", "pop3"))
            user = self.users.pop()
            messages = corpus.corpus(2000, seed=1000 + rounds, size=4000)
            self.server.fill(user, messages)
            made = self.make(protocol, user)
            # Short lives first, so that a round sees many of them before its source is empty.
            longest = 0.25
            while kills < KILLS and not self.source_is_clean(user) and longest < 4:
                kills += self.kill_at_random(made, rng, longest)
                longest *= 1.01
            made.poll()
            with self.subTest(round=rounds, protocol=protocol, kills=kills):
                agent.assert_same(self, made.kept(), messages)
                self.assertTrue(self.source_is_clean(user))
                made.command("check", "--data")
        print(f"{kills} kills in {rounds} rounds")

    def delivered_after_kills(self, destination, count, messages, protocol="imap"):
        rng = random.Random(SEED + 1)
        user = self.users.pop()
        self.server.fill(user, messages)
        made = self.make(protocol, user, destinations={"out": destination, "home": {"type": "mailbox", "user": "me"}},
                         default_destination="out", retry={"schedule": "1s"})
        kills = 0
        for stage in ("delivery.before_answer:2", "delivery.after_answer:2", "delivery.before_answer:5"):
            kills += self.killed_at(made, stage)
        self.assertEqual(kills, 3)
        while kills < count:
            kills += self.kill_at_random(made, rng, 0.6)
            if self.source_is_clean(user) and not json.loads(made.command("queue", "list", "--json").stdout):
                break
        limit = time.monotonic() + 120
        while json.loads(made.command("queue", "list", "--json").stdout) and time.monotonic() < limit:
            made.command("queue", "retry")
            made.command("poll", expect=None)
        self.assertEqual(json.loads(made.command("queue", "list", "--json").stdout), [])
        return kills

    def test_smtp_at_least_once_and_twice_only_in_the_answer_window(self):
        sink = peers.SmtpSink()
        self.addCleanup(sink.stop)
        messages = corpus.corpus(300, seed=61, size=3000)
        kills = self.delivered_after_kills({"type": "smtp", "host": "127.0.0.1", "port": sink.port, "tls": "none",
                                            "to": ["team@example.com"]}, KILLS // 5, messages)
        ids = [re.search(rb"Message-ID: (\S+)", raw).group(1) for raw in sink.messages() if b"Message-ID" in raw]
        self.assertEqual(set(ids), {re.search(rb"Message-ID: (\S+)", one).group(1) for one in messages})
        # Two connections: at most two answers are lost at a kill.
        self.assertLessEqual(len(ids) - len(messages), 2 * kills)

    def test_maildir_exactly_once(self):
        directory = peers.Directory("maildir")
        self.addCleanup(directory.remove)
        messages = corpus.corpus(300, seed=71, size=3000)
        self.delivered_after_kills({"type": "maildir", "path": directory / "Maildir"}, KILLS // 5, messages, "pop3")
        got = []
        for name in os.listdir(directory / "Maildir/new"):
            with open(os.path.join(directory / "Maildir/new", name), "rb") as file:
                got.append(file.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        agent.assert_same(self, got, messages)


    def crashes_at(self, made, stage):
        """As often as it takes until the agent survives; what it says then."""
        for crashes in range(5):
            result = made.command("poll", expect=None, environment={"MAILSTEAD_FAULT": f"{stage}:1:{signal.SIGSEGV.value}"})
            if result.returncode != -signal.SIGSEGV:
                return crashes, result
            self.assertTrue(os.path.exists(os.path.join(made.data, "crashes")))
        self.fail(f"it crashes on and on at {stage}")

    def test_a_message_that_crashes_the_agent_on_its_way_in_is_stepped_over(self):
        for protocol in ("imap", "pop3"):
            user = self.users.pop()
            self.server.fill(user, corpus.corpus(1, seed=81, size=3000, tag=protocol))
            made = self.make(protocol, user)
            with self.subTest(protocol=protocol):
                crashes, _ = self.crashes_at(made, "receive.done")
                self.assertEqual(crashes, 3)
                self.assertIn("SIGSEGV", made.command("status").stdout)
                later = corpus.corpus(2, seed=82, size=3000, tag=protocol)
                self.server.fill(user, later)
                made.poll()
                agent.assert_same(self, made.kept(), later)

    def test_a_delivery_that_crashes_the_agent_is_held(self):
        directory = peers.Directory("maildir")
        self.addCleanup(directory.remove)
        user = self.users.pop()
        messages = corpus.corpus(1, seed=91, size=3000)
        self.server.fill(user, messages)
        made = self.make("imap", user, destinations={"out": {"type": "maildir", "path": directory / "Maildir"}},
                         default_destination="out")
        for crashes in range(3):
            result = made.command("poll", expect=None, environment={"MAILSTEAD_FAULT": f"maildir.before_sync:1:{signal.SIGSEGV.value}"})
            self.assertEqual(result.returncode, -signal.SIGSEGV, result.stderr)
            # Heeded at the next start: the delivery waits for a minute, so that others would go first.
            result = made.command("poll", expect=None)
            self.assertIn("crashed (SIGSEGV) while it delivered", result.stderr)
            queued = json.loads(made.command("queue", "list", "--json").stdout)
            self.assertEqual([(one["crashes"], one["held"]) for one in queued], [(crashes + 1, crashes == 2)])
            if crashes < 2:
                self.make_due(made)
        self.assertIn("held until: mailstead queue release", result.stderr)
        self.assertIn("crashed", made.command("explain", re.search(rb"Message-ID: (\S+)", messages[0]).group(1).decode()).stdout)
        made.command("queue", "retry")
        made.command("poll")
        self.assertEqual(len(os.listdir(directory / "Maildir/new")), 1)

    def make_due(self, made):
        with sqlite3.connect(os.path.join(made.data, "mailstead.db")) as db:
            db.execute("UPDATE deliveries SET next_attempt = 0")


if __name__ == "__main__":
    unittest.main()
