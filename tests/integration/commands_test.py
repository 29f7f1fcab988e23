"""The command line as its users meet it: exit statuses, messages, signals, secrets, files."""
import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import time
import unittest

import agent
import corpus
import peers


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.Dovecot(users=("alice", "slow"))
        cls.addClassCleanup(cls.server.stop)
        cls.messages = corpus.corpus(20, seed=31)
        cls.server.fill("alice", cls.messages)

    def make(self, **more):
        configuration = {"accounts": {"source": agent.account("imap", self.server)}, **more}
        made = agent.Agent(configuration)
        self.addCleanup(made.remove)
        return made

    def plain(self, *arguments, expect):
        result = subprocess.run([agent.BINARY, *arguments], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def test_help_version_and_suggestions(self):
        self.assertIn("poll", self.plain("--help", expect=0).stdout)
        self.assertIn("--dry-run", self.plain("help", "poll", expect=0).stdout)
        self.assertIn("--dry-run", self.plain("poll", "--help", expect=0).stdout)
        self.assertIn("mailstead", self.plain("--version", expect=0).stdout)
        self.assertIn('did you mean "status"?', self.plain("staus", expect=2).stderr)
        self.assertIn('did you mean "--dry-run"?', self.plain("poll", "--dry-rnu", expect=2).stderr)
        self.assertEqual(len(self.plain(expect=2).stderr.strip().splitlines()), 1)

    def test_every_fault_of_a_configuration_is_said_in_one_run_with_its_line(self):
        made = self.make()
        with open(made.config, "w", encoding="utf-8") as out:
            out.write('{\n  "acounts": {},\n  "accounts": { "a": {\n    "protocol": "imap", "host": "h", "user": "u",\n'
                      '    "password": {"env": "P"},\n    "tls": "startls" } },\n  "users": {"me": {}}\n}\n')
        result = made.command("check", expect=2)
        self.assertIn(f'{made.config}:2: /acounts', result.stderr)
        self.assertIn(f'{made.config}:6: /accounts/a/tls: "startls" is not one of implicit, starttls, none '
                      '(did you mean "starttls"?)', result.stderr)

    def test_a_configuration_with_secrets_that_others_can_read_is_refused(self):
        made = self.make()
        os.chmod(made.config, 0o644)
        self.assertIn("chmod 600", made.command("check", expect=2).stderr)

    def test_check_connect_says_what_it_finds(self):
        made = self.make(accounts={"tls": agent.account("imap", self.server, tls="implicit"),
                                   "pop": agent.account("pop3", self.server, tls="starttls")})
        out = made.command("check", "--connect").stdout
        self.assertIn("TLSv1.", out)
        self.assertIn("20 messages", out)
        made.configure({**made.configuration, "accounts": {"tls": agent.account("imap", self.server, password="wrong")}})
        found = json.loads(made.command("check", "--connect", "--json", expect=1).stdout)
        self.assertFalse(found["ok"])

    def test_folders(self):
        rows = json.loads(self.make().command("folders", "source", "--json").stdout)
        self.assertEqual([row["messages"] for row in rows if row["folder"] == "INBOX"], [20])
        self.assertIn('did you mean "source"?', self.make().command("folders", "sorce", expect=2).stderr)

    def test_a_dry_run_touches_nothing(self):
        made = self.make()
        rows = json.loads(made.command("poll", "--dry-run", "--json").stdout)["accounts"][0]["would_fetch"]
        self.assertEqual(len(rows), 20)
        self.assertEqual(made.poll()["source"]["new"], 20)

    def test_limit(self):
        made = self.make()
        self.assertEqual(made.poll("--limit", "7")["source"]["new"], 7)
        self.assertEqual(made.poll()["source"]["new"], 13)

    def test_route_and_explain_tell_what_happens_and_what_happened(self):
        made = self.make(rules=[{"name": "seven", "if": {"header": "Subject", "is": "Message 7"},
                                 "then": [{"deliver": "home", "folder": "Seven"}, {"deliver": "gone", "copy": True}]}],
                         destinations={"home": {"type": "mailbox", "user": "me"},
                                       "gone": {"type": "smtp", "host": "127.0.0.1", "port": peers.free_port(), "tls": "none",
                                                "to": ["x@example.com"]}})
        seventh = corpus.message(7, seed=31)
        out = made.command("route", "-", text_in=seventh.decode()).stdout
        self.assertIn('rule "seven": matched', out)
        self.assertIn("Seven", out)
        self.assertIn("no match", made.command("route", "-", text_in=self.messages[3].decode()).stdout)
        made.poll(expect=1)
        history = json.loads(made.command("explain", "<m.31.7@example.net>", "--json").stdout)
        self.assertEqual(len(history), 1)
        kinds = [event["kind"] for event in history[0]["events"]]
        for kind in ("received", "rule", "placed", "queued"):
            self.assertIn(kind, kinds)
        self.assertEqual(history[0]["lies_in"], ["me/Seven"])
        self.assertIn("refused", json.dumps(history[0]["events"]))
        made.command("explain", "nothing like it", expect=1)

    def test_users(self):
        made = self.make()
        made.add_user()
        self.assertIn("already", made.command("user", "add", "me", "--password-stdin", text_in="x\n", expect=1).stderr)
        self.assertEqual([one["name"] for one in json.loads(made.command("user", "list", "--json").stdout)], ["me"])
        made.command("user", "passwd", "me", "--password-stdin", text_in="new\n")
        made.command("user", "remove", "me")
        self.assertIn("no user", made.command("user", "remove", "me", expect=1).stderr)
        self.assertIn("empty", made.command("user", "add", "me", "--password-stdin", text_in="\n", expect=2).stderr)

    def test_a_second_agent_is_refused_and_the_lock_does_not_outlive_a_kill(self):
        made = self.make()
        made.start()
        begun = time.monotonic()
        self.assertIn("holds", made.command("run", expect=3).stderr)
        self.assertLess(time.monotonic() - begun, 2)
        self.assertIn("asked", made.command("poll").stdout)  # the running agent does it
        made.stop(signal.SIGKILL)
        self.assertFalse(made.status()["running"])
        made.start()
        self.assertEqual(made.stop(), 0)

    def test_commands_work_beside_a_running_agent(self):
        made = self.make(listeners={"imap": {"address": "127.0.0.1:0", "tls": "none"}})
        made.start()
        made.add_user("me")
        peers.wait_until(lambda: made.status()["accounts"][0]["retrieved"] == 20, what="the first poll")
        self.assertEqual(len(made.read_mailbox()), 20)
        made.command("queue", "list")
        made.command("queue", "retry")
        made.command("check", "--data")
        made.command("user", "remove", "me")

    def test_the_queue_is_looked_at_and_decided_upon(self):
        nobody = {"type": "smtp", "host": "127.0.0.1", "port": peers.free_port(), "tls": "none", "to": ["alice@example.org"]}
        made = self.make(destinations={"relay": nobody, "disk": {"type": "maildir", "path": "Maildir"}}, default_destination="relay",
                         redirect_destination="relay")
        made.poll(expect=1)
        queue = lambda *words: json.loads(made.command("queue", "list", "--json", *words).stdout)
        self.assertEqual(len(queue()), 20)
        self.assertEqual(sum(delivery["attempts"] for delivery in queue()), 1)  # the rest waits untouched
        self.assertEqual(len(queue("--destination", "relay", "--recipient", "ALICE@")), 20)
        self.assertEqual(queue("--recipient", "bob"), [])
        self.assertEqual(queue("--older-than", "1h"), [])
        self.assertIn("nothing in the queue fits", made.command("queue", "list", "--older-than", "1h").stdout)
        self.assertIn("is not a duration", made.command("queue", "list", "--older-than", "soon", expect=2).stderr)
        self.assertIn("says not which", made.command("queue", "drop", expect=2).stderr)
        first = queue()[0]["id"]
        made.command("queue", "hold", str(first))
        self.assertIn("held", made.command("queue", "list").stdout)
        self.assertTrue(queue()[0]["held"])
        made.command("queue", "release")
        self.assertFalse(queue()[0]["held"])
        self.assertIn("20 dropped", made.command("queue", "drop", "--destination", "relay").stdout)
        self.assertEqual(queue(), [])

    def test_kept_mail_is_held_against_new_rules_and_put_right(self):
        made = self.make(listeners={"imap": {"address": "127.0.0.1:0", "tls": "none"}})
        made.add_user("me")
        made.poll()
        self.assertIn("0 would lie elsewhere", made.command("route", "--against", "me").stdout)
        made.configure({**made.configuration, "rules": [
            {"name": "sort", "if": {"header": "Subject", "exists": True}, "then": [{"deliver": "home", "folder": "Sorted/All"}]}]})
        self.assertIn("rules: 20 of the newest 20 messages would go otherwise", made.command("check", "--replay", "50").stdout)
        against = made.command("route", "--against", "me/INBOX").stdout
        self.assertIn("Sorted/All", against)
        self.assertIn("20 messages looked at, 20 would lie elsewhere; to put them there: mailstead reroute me/INBOX", against)
        self.assertEqual(len(json.loads(made.command("reroute", "me", "--dry-run", "--json").stdout)["messages"]), 20)
        made.start()  # it holds the data: the command asks it
        self.assertIn("20 put where the rules want them", made.command("reroute", "me").stdout)
        self.assertEqual((len(made.read_mailbox("INBOX")), len(made.read_mailbox("Sorted/All"))), (0, 20))
        self.assertIn("0 would lie elsewhere", made.command("route", "--against", "me").stdout)
        self.assertIn("has no mailbox", made.command("route", "--against", "me/None", expect=None).stderr)
        self.assertIn("no mailboxes", made.command("reroute", "nobody", expect=None).stderr)
        self.assertIn("no message is named", made.command("route", expect=2).stderr)

    def test_signals_reload_poll_and_stop(self):
        made = self.make(accounts={"source": agent.account("imap", self.server, poll="1h")})
        made.start()
        peers.wait_until(lambda: made.status()["accounts"][0]["retrieved"] == 20, what="the first poll")
        good = made.configuration
        with open(made.config, "w", encoding="utf-8") as out:
            out.write("{ broken")
        made.running.process.send_signal(signal.SIGHUP)
        peers.wait_until(lambda: "old configuration stays in force" in made.log_text(), what="the refusal")
        made.configure({**good, "accounts": {**good["accounts"], "second": agent.account("pop3", self.server, poll="1h")}})
        made.running.process.send_signal(signal.SIGHUP)
        peers.wait_until(lambda: [one for one in made.status()["accounts"] if one["duplicates"] == 20], what="the new account's poll")
        before = made.status()["accounts"][0]["last_poll"]
        time.sleep(1.1)
        made.running.process.send_signal(signal.SIGUSR1)
        peers.wait_until(lambda: made.status()["accounts"][0]["last_poll"] > before, what="the poll that was asked for")
        begun = time.monotonic()
        self.assertEqual(made.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)

    def test_a_silent_server_ends_by_deadline_or_stop(self):
        import socket
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            settings = {"protocol": "imap", "host": "127.0.0.1", "port": silent.getsockname()[1], "tls": "none", "user": "u",
                        "password": "p"}
            made = self.make(accounts={"silent": settings, "source": agent.account("imap", self.server)})
            made.start()
            peers.wait_until(lambda: any(one["retrieved"] == 20 for one in made.status()["accounts"]), what="the other account")
            begun = time.monotonic()
            self.assertEqual(made.stop(), 0)
            self.assertLess(time.monotonic() - begun, 10)

    def test_secrets_stay_secret_and_files_stay_ours(self):
        canary = "Canary-7f3a9"
        made = self.make(accounts={"bad": agent.account("imap", self.server, password=canary),
                                   "pop": agent.account("pop3", self.server, password=canary),
                                   "good": agent.account("imap", self.server)})
        before = os.umask(0)
        try:
            made.add_user("me", canary)
            made.command("-v", "-v", "poll", expect=1)
            made.start()
            time.sleep(1)
            with open(f"/proc/{made.running.process.pid}/cmdline", "rb") as title:
                self.assertNotIn(canary.encode(), title.read())
            made.stop()
        finally:
            os.umask(before)
        self.assertNotIn(canary, made.log_text())
        for root, folders, files in os.walk(made.data):
            self.assertEqual(stat.S_IMODE(os.stat(root).st_mode), 0o700, root)
            for name in files:
                path = os.path.join(root, name)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)
                with open(path, "rb") as file:
                    self.assertNotIn(canary.encode(), file.read(), path)

    def test_a_database_from_a_newer_version_and_a_corrupt_one_are_left_alone(self):
        made = self.make()
        made.poll()
        database = os.path.join(made.data, "mailstead.db")
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with open(database, "rb") as file:
            good = file.read()
        newer = bytearray(good)
        newer[60:64] = (999_999).to_bytes(4, "big")  # user_version in the database header
        corrupt = bytearray(good)
        corrupt[:4096] = os.urandom(4096)
        for name, broken, word in (("newer", newer, "newer"), ("corrupt", corrupt, "")):
            with self.subTest(name):
                for rest in ("-wal", "-shm"):
                    if os.path.exists(database + rest):
                        os.unlink(database + rest)
                with open(database, "wb") as file:
                    file.write(broken)
                result = made.command("poll", expect=None)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(word, result.stderr)
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
                with open(database, "rb") as file:
                    self.assertEqual(file.read(), bytes(broken))

    def test_a_full_disk_is_said_and_loses_nothing(self):
        made = self.make(accounts={"source": agent.account("imap", self.server, after_fetch={"do": "delete"}, user="slow")})
        self.server.fill("slow", self.messages)
        made.poll("--limit", "1")
        limit = 60_000  # octets a file may have: the database and the segments soon meet it
        result = subprocess.run(["bash", "-c", f"ulimit -f {limit // 1024}; exec \"$@\"", "-", agent.BINARY, "-c", made.config, "poll"],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        made.poll()
        made.add_user()
        agent.assert_same(self, made.kept(), self.messages)

    def test_demo(self):
        begun = time.monotonic()
        out = self.plain("demo", "--once", expect=0).stdout
        self.assertLess(time.monotonic() - begun, 30)
        for word in ("duplicate of message", "Grüße aus Köln", "会議のお知らせ", 'discarded by rule "junk"', "alice/Lists/dev",
                     "alice/Bank", "team@example.com", "1 by SMTP"):
            self.assertIn(word, out)


if __name__ == "__main__":
    unittest.main()
