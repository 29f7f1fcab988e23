"""Accounts that wait for news at a real Dovecot: many at once, several folders, a server that goes and comes back."""
import imaplib
import os
import signal
import statistics
import time
import unittest

import agent
import peers

MANY = 50
USERS = tuple(f"u{i:02}" for i in range(MANY))
# What Dovecot announces, without NOTIFY.
PLAIN = ("imap_capability = IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED "
         "LIST-STATUS MOVE SPECIAL-USE UNSELECT")


def threads_of(made):
    with open(f"/proc/{made.running.process.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("Threads:")).split()[1])


class Waiting(unittest.TestCase):
    number = 0

    def deliver(self, server, user, folder=""):
        """As a delivery agent does it."""
        Waiting.number += 1
        name, box = f"{time.time():.6f}.{Waiting.number}.test", server.maildir(user, folder)
        text = f"Subject: news {Waiting.number}\r\nMessage-ID: <news-{Waiting.number}@idle.example>\r\n\r\nhello\r\n"
        temporary = os.path.join(box, "tmp", name)
        with open(temporary, "w", encoding="ascii", newline="") as out:
            out.write(text)
        os.chown(temporary, *server.owner)
        os.rename(temporary, os.path.join(box, "new", name))

    def append(self, server, user, folder=""):
        """By the server itself: Dovecot's NOTIFY hears of nothing else in folders that are not selected."""
        Waiting.number += 1
        text = f"Subject: news {Waiting.number}\r\nMessage-ID: <news-{Waiting.number}@idle.example>\r\n\r\nhello\r\n"
        with imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as client:
            client.login(user, server.PASSWORD)
            self.assertEqual(client.append(folder.replace("/", ".") or "INBOX", None, None, text.encode())[0], "OK")

    def start(self, accounts, **more):
        made = agent.Agent({"accounts": accounts, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}, **more}, "idle")
        self.addCleanup(made.remove)
        made.add_user()
        made.start()
        return made

    def states(self, made):
        return {one["account"]: one for one in made.status()["agent"]["accounts"]}

    def wait_for_idle(self, made, seconds=60):
        peers.wait_until(lambda: all(one.get("state") == "idle" for one in self.states(made).values()), seconds,
                         "the wait of all accounts")

    def retrieved(self, made):
        return {one["account"]: one["retrieved"] for one in made.status()["accounts"]}

    def test_fifty_accounts_hear_of_new_mail_at_once_and_survive_their_server(self):
        server = peers.Dovecot(users=USERS)
        self.addCleanup(server.stop)
        for user in USERS:
            server.fill(user, [])
        made = self.start({user: agent.account("imap", server, user=user, tls="implicit", idle=True, poll="1d") for user in USERS})
        self.wait_for_idle(made)
        self.assertLess(threads_of(made), 100)

        took = []
        for user in USERS:
            begun = time.monotonic()
            self.deliver(server, user)
            peers.wait_until(lambda: self.retrieved(made)[user] == 1, 15, f"the message of {user}")
            took.append(time.monotonic() - begun)
        # Dovecot itself gathers changes for half a second.
        self.assertLess(statistics.median(took), 2, took)
        self.wait_for_idle(made)

        for user in USERS:
            self.deliver(server, user)
        peers.wait_until(lambda: all(count == 2 for count in self.retrieved(made).values()), 15, "all messages at once")
        self.assertLess(threads_of(made), 100)

        server.process.stop(signal.SIGKILL)
        peers.wait_until(lambda: not any(one["state"] == "idle" for one in self.states(made).values()), 30, "that the loss is seen")
        for user in USERS:
            self.deliver(server, user)
        server.restart()
        peers.wait_until(lambda: all(count == 3 for count in self.retrieved(made).values()), 120, "the recovery of all accounts")
        self.wait_for_idle(made)
        log = made.log_text()
        self.assertIn("more accounts fail in the same way", log)
        self.assertLess(sum("next try in" in line for line in log.splitlines()), 20, log)

        for _ in range(20):  # storms of signals
            made.running.process.send_signal(signal.SIGHUP)
            made.running.process.send_signal(signal.SIGUSR1)
        self.deliver(server, USERS[0])
        peers.wait_until(lambda: self.retrieved(made)[USERS[0]] == 4, 30, "a message in the midst of signals")
        self.wait_for_idle(made)

        kept = {name: settings for name, settings in made.configuration["accounts"].items() if name != USERS[1]}
        made.configure({**made.configuration, "accounts": kept})
        made.running.process.send_signal(signal.SIGHUP)

        def logged_out():
            with open(server.directory / "log", encoding="utf-8", errors="replace") as text:
                return any(f"imap({USERS[1]})" in line and "Logged out" in line for line in text)
        peers.wait_until(logged_out, 15, "the farewell of the account that was removed")
        self.assertEqual(self.states(made)[USERS[2]]["state"], "idle")

        begun = time.monotonic()
        self.assertEqual(made.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)

    def watches(self, made):
        facts = self.states(made)["work"]
        return facts["connections"], facts["folders"]

    def folders(self, extra, connections, deliver):
        server = peers.Dovecot(users=("alice",), extra=extra)
        self.addCleanup(server.stop)
        server.fill("alice", [])
        for folder in ("Lists/a", "Lists/b", "Other"):
            server.fill("alice", [], folder)
        made = self.start({"work": agent.account("imap", server, folders=["INBOX", "Lists/*", "Other"], idle=["INBOX", "Lists/*"],
                                                 poll="1d")})
        self.wait_for_idle(made)
        self.assertEqual(self.watches(made), (connections, 3))
        for count, folder in enumerate(("Lists/a", "", "Lists/b", "Lists/a", ""), 1):
            deliver(server, "alice", folder)
            peers.wait_until(lambda: self.retrieved(made)["work"] == count, 15, f"the message in {folder or 'INBOX'}")
        self.wait_for_idle(made)
        self.assertEqual(self.watches(made), (connections, 3))
        deliver(server, "alice", "Other")  # not waited on: it comes with the next poll
        deliver(server, "alice")
        peers.wait_until(lambda: self.retrieved(made)["work"] == 6, 15, "the message in INBOX")
        made.running.process.send_signal(signal.SIGUSR1)
        peers.wait_until(lambda: self.retrieved(made)["work"] == 7, 15, "the message in Other")

    def test_notify_watches_several_folders_on_one_connection(self):
        self.folders("", 1, self.append)

    def test_without_notify_each_folder_has_a_connection(self):
        self.folders(f"protocol imap {{\n  {PLAIN}\n}}", 3, self.deliver)

    def test_hours_skip_and_limits_show_in_status(self):
        server = peers.Dovecot(users=("alice", "bob"))
        self.addCleanup(server.stop)
        server.fill("bob", [])
        now = time.localtime()
        later = f"{(now.tm_hour + 2) % 24:02}:00-{(now.tm_hour + 3) % 24:02}:00"
        made = self.start({"closed": agent.account("imap", server, idle=True, poll_when=[{"hours": later}]),
                           "skipped": agent.account("imap", server, user="bob", skip=True)})
        states = self.states(made)
        self.assertEqual((states["closed"]["state"], states["skipped"]["state"]), ("outside its hours", "skipped"))
        self.deliver(server, "bob")
        made.command("poll", "skipped")
        peers.wait_until(lambda: self.retrieved(made)["skipped"] == 1, 15, "the poll of a skipped account that was named")
        self.assertEqual([one["last_poll"] for one in made.status()["accounts"] if one["account"] == "closed"], [None])


if __name__ == "__main__":
    unittest.main()
