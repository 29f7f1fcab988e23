"""What is really said to a Dovecot, by our trace and by its log: compression, what a wait for a state asks, subscribed
folders, folders without news, how many sessions are open at once, whom TLS trusts, polls of a part."""
import imaplib
import os
import re
import shutil
import subprocess
import unittest

import agent
import corpus
import fault_proxy
import peers

EXTRA = """
mail_plugins = $mail_plugins zlib
protocol imap {
  mail_plugins = $mail_plugins imap_zlib
}
"""


class Dialogue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.users = [f"u{number}" for number in range(40)]
        cls.server = peers.Dovecot(users=cls.users, extra=EXTRA)
        cls.addClassCleanup(cls.server.stop)
        cls.unused = iter(cls.users)

    def make(self, accounts, **more):
        made = agent.Agent({"accounts": accounts, "duplicates": {"scope": "none"}, **more})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def traced(self, made, *arguments):
        """(report of the account "source", the lines of the dialogue) of one poll."""
        path = made.directory / "trace"
        if os.path.exists(path):
            os.remove(path)
        report = made.poll("--trace", path, *arguments)["source"]
        with open(path, encoding="utf-8", errors="replace") as file:
            return report, file.read().splitlines()

    @staticmethod
    def commands(lines):
        """What we said, without the tags."""
        return [found.group(1) for line in lines if (found := re.search(r" C: \S+ ([A-Z].*)$", line))]

    def client(self, user, folder="INBOX"):
        client = imaplib.IMAP4("127.0.0.1", self.server.ports["imap"])
        client.login(user, self.server.PASSWORD)
        self.assertEqual(client.select(f'"{folder}"')[0], "OK")
        return client


class ImapDialogue(Dialogue):
    def test_compression_is_really_used(self):
        user = next(self.unused)
        self.server.fill(user, [b"Subject: even\r\n\r\n" + b"the same line again and again\r\n" * 5000])
        octets = {}
        proxy = fault_proxy.FaultProxy()
        self.addCleanup(proxy.stop)
        for compress in ("always", "never"):
            route = proxy.route(self.server.ports["imap"])
            made = self.make({"source": {**agent.account("imap", self.server, user, compress=compress), "port": route.port}})
            report, lines = self.traced(made)
            self.assertEqual(report["new"], 1)
            self.assertEqual("COMPRESS DEFLATE" in self.commands(lines), compress == "always")
            octets[compress] = route.octets[fault_proxy.TO_CLIENT]
        self.assertGreater(octets["never"], 150_000)
        self.assertLess(octets["always"], 20_000)

    def test_a_state_that_another_client_sets_is_asked_for_by_what_changed(self):
        user = next(self.unused)
        messages = corpus.corpus(12, seed=51, size=1000)
        self.server.fill(user, messages)
        made = self.make({"source": agent.account("imap", self.server, user, after_fetch={"do": "delete", "only_if": "flagged"})})
        self.assertEqual(made.poll()["source"]["new"], 12)
        self.assertEqual(made.poll()["source"]["cleaned"], 0)
        client = self.client(user)
        client.store("3,7", "+FLAGS", r"(\Flagged)")
        client.store("9", "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.logout()
        report, lines = self.traced(made)
        self.assertEqual((report["new"], report["cleaned"]), (0, 2))
        self.assertRegex(" ".join(self.commands(lines)), r"SELECT INBOX \(QRESYNC \(")
        self.assertEqual(self.told(lines), {"3", "7"})
        for _ in range(2):  # nothing changed but by us, then nothing
            report, lines = self.traced(made)
            self.assertEqual((report["new"], report["cleaned"]), (0, 0))
        self.assertEqual(self.told(lines), set())
        self.assertEqual(len(peers.maildir_messages(self.server.maildir(user))), 9)

    @staticmethod
    def told(lines):
        """The UIDs whose flags the server told."""
        return {found.group(1) for line in lines if (found := re.search(r" S: \* \d+ FETCH \(UID (\d+) .*FLAGS", line))}

    def test_patterns_take_subscribed_folders_only_and_quiet_folders_are_not_opened(self):
        user = next(self.unused)
        wanted, other = corpus.corpus(4, seed=52, size=800), corpus.corpus(3, seed=53, size=800)
        self.server.fill(user, wanted[:2])
        self.server.fill(user, wanted[2:], "Read")
        self.server.fill(user, other, "Unread")
        client = self.client(user)
        for folder in ("INBOX", "Read"):
            self.assertEqual(client.subscribe(folder)[0], "OK")
        client.logout()
        made = self.make({"source": agent.account("imap", self.server, user, subscribed=True)})
        self.assertEqual(made.poll()["source"]["new"], 4)
        report, lines = self.traced(made)
        self.assertEqual(report["new"], 0)
        self.assertEqual(self.opened(lines), [])
        self.assertGreater(len(self.commands(lines)), 1)
        later = corpus.corpus(1, seed=54, size=800)
        self.server.fill(user, later, "Read")
        self.server.fill(user, later, "Unread")
        report, lines = self.traced(made)
        self.assertEqual(report["new"], 1)
        self.assertEqual(len(self.opened(lines)), 1)
        agent.assert_same(self, made.kept(), wanted + later)

    def opened(self, lines):
        return [said for said in self.commands(lines) if said.startswith(("SELECT", "EXAMINE"))]


class Trust(Dialogue):
    def test_a_folder_of_authorities_serves_as_a_file_does(self):
        user = next(self.unused)
        self.server.fill(user, corpus.corpus(2, seed=55, size=500))
        folder, empty = self.server.directory / "authorities", self.server.directory / "nobody"
        for path in (folder, empty):
            os.mkdir(path)
        shutil.copy(self.server.ca, os.path.join(folder, "ca.pem"))
        subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
        for protocol in ("imap", "pop3"):
            for tls in ("implicit", "starttls"):
                for trusted, status in ((self.server.ca, 0), (folder, 0), (empty, 1)):
                    with self.subTest(protocol=protocol, tls=tls, trusted=trusted):
                        made = self.make({"source": agent.account(protocol, self.server, user, tls, tls_options={"ca_file": trusted})})
                        report = made.poll(expect=status)["source"]
                        self.assertEqual(report["new"], 0 if status else 2)
                        self.assertRegex(report.get("error", ""), "certificate" if status else "^$")

    def test_a_certificate_for_another_name_is_refused_before_the_password_is_said(self):
        user = next(self.unused)
        self.server.fill(user, corpus.corpus(2, seed=56, size=500))
        proxy = fault_proxy.FaultProxy()
        self.addCleanup(proxy.stop)
        for protocol in ("imap", "pop3"):
            for tls in ("implicit", "starttls"):
                with self.subTest(protocol=protocol, tls=tls):
                    settings = agent.account(protocol, self.server, user, tls)
                    route = proxy.route(settings["port"], address="127.0.0.2")
                    made = self.make({"source": {**settings, "host": "127.0.0.2", "port": route.port}})
                    error = made.poll(expect=1)["source"]["error"]
                    self.assertIn("127.0.0.2", error)
                    self.assertIn("certificate", error)
        with open(self.server.directory / "log", encoding="utf-8", errors="replace") as log:
            self.assertNotIn(f"Login: user=<{user}>", log.read())


class Parts(Dialogue):
    """Polls of a part, end to end: what is left out comes later, once."""

    def test_since_leaves_the_older_for_later(self):
        user = next(self.unused)
        messages = corpus.corpus(6, seed=57, size=800)
        self.server.fill(user, messages)
        old = peers.maildir_messages(self.server.maildir(user))[:4]
        for name in old:
            for part in ("cur", "new"):
                path = os.path.join(self.server.maildir(user), part, name)
                if os.path.exists(path):
                    os.utime(path, (1_600_000_000, 1_600_000_000))
        made = self.make({"source": agent.account("imap", self.server, user)})
        self.assertEqual(len(made.poll("--since", "30d", "--dry-run")["source"]["would_fetch"]), 2)
        self.assertEqual(made.poll("--since", "30d")["source"]["new"], 2)
        self.assertEqual(made.poll("--since", "2026-01-01")["source"]["new"], 0)
        self.assertEqual(made.poll()["source"]["new"], 4)
        self.assertEqual(made.poll()["source"]["new"], 0)
        agent.assert_same(self, made.kept(), messages)

    def test_a_named_folder_alone_is_polled(self):
        user = next(self.unused)
        parts = {"": corpus.corpus(3, seed=58, size=800), "Lists": corpus.corpus(4, seed=59, size=800)}
        for folder, messages in parts.items():
            self.server.fill(user, messages, folder)
        made = self.make({"source": agent.account("imap", self.server, user, folders=["*"])})
        report, lines = self.traced(made, "--folder", "Lists")
        self.assertEqual(report["new"], 4)
        self.assertNotIn("INBOX", " ".join(said for said in self.commands(lines) if said.startswith(("SELECT", "EXAMINE"))))
        self.assertEqual(made.poll("--folder", "Lists", "--limit", "2")["source"]["new"], 0)
        self.assertEqual(made.poll("--limit", "2")["source"]["new"], 2)
        self.assertEqual(made.poll()["source"]["new"], 1)
        agent.assert_same(self, made.kept(), parts[""] + parts["Lists"])

    def test_pop3_polls_a_part(self):
        user = next(self.unused)
        messages = corpus.corpus(9, seed=60, size=800)
        self.server.fill(user, messages[:6])
        made = self.make({"source": agent.account("pop3", self.server, user, after_fetch={"do": "delete"})})
        self.assertEqual(len(made.poll("--dry-run")["source"]["would_fetch"]), 6)
        self.assertEqual(len(peers.maildir_messages(self.server.maildir(user))), 6)
        self.assertEqual(made.poll("--limit", "2")["source"]["new"], 2)
        self.assertEqual(len(peers.maildir_messages(self.server.maildir(user))), 4)
        self.assertEqual(made.poll("--mark-retrieved")["source"]["marked"], 4)
        self.server.fill(user, messages[6:])
        self.assertEqual(made.poll()["source"]["new"], 3)
        kept = corpus.digests(made.kept())
        self.assertEqual(len(kept), 5)
        self.assertEqual(set(corpus.digests(messages[6:])) - set(kept), set())
        self.assertEqual(made.poll()["source"]["new"], 0)


class Limits(Dialogue):
    """Sessions are counted by a relay that all accounts pass."""

    def poll(self, limits, accounts=8):
        proxy = fault_proxy.FaultProxy()
        self.addCleanup(proxy.stop)
        made, messages = {}, corpus.corpus(10, seed=61, size=20_000)
        route = proxy.route(self.server.ports["imap"])
        users = [next(self.unused) for _ in range(accounts)]
        for user in users:
            self.server.fill(user, messages)
            made[user] = {**agent.account("imap", self.server, user, folders=["*"]), "port": route.port}
        reports = self.make(made, limits=limits).poll()
        self.assertEqual([reports[user]["new"] for user in users], [len(messages)] * accounts)
        self.assertGreaterEqual(route.connections, accounts)
        return route.most_at_once

    def test_never_more_sessions_at_once_than_allowed(self):
        self.assertEqual(self.poll({"connections": 2}), 2)
        self.assertEqual(self.poll({"per_host": 1}), 1)
        self.assertEqual(self.poll({"hosts": {"127.0.0.1": 3}}), 3)


if __name__ == "__main__":
    unittest.main()
