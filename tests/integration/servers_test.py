"""Retrieval from Courier and Cyrus, IMAP and POP3, in the clear, by STARTTLS and by implicit TLS: every message once and
byte for byte, a second poll without a byte, the source left as after_fetch says. (Dovecot: retrieve_test.py.)"""
import unittest

import agent
import corpus
import packaged_peers

COUNT = 40
WAYS = [(protocol, tls) for protocol in ("imap", "pop3") for tls in ("none", "starttls", "implicit")]


def plain_user(protocol, tls):
    return f"{protocol}-{tls}" if protocol == "pop3" else "imap-all"  # a POP3 mailbox has one session at a time


class Server:
    """The tests of one server; `make_server` and `FOLDER` are the class's own."""

    @classmethod
    def setUpClass(cls):
        users = sorted({plain_user(*way) for way in WAYS}) + ["imap-delete", "imap-seen", "imap-move", "pop3-delete", "folders"]
        cls.server = cls.make_server(users)
        cls.addClassCleanup(cls.server.stop)
        cls.messages = corpus.corpus(COUNT, size=6000) + [corpus.message(900 + kind, size=300_000) for kind in range(4)]
        for user in sorted({plain_user(*way) for way in WAYS}):
            cls.server.fill(user, cls.messages)

    def make(self, accounts):
        """Each account's mail lands in a folder of its name; the same message may come by several."""
        made = agent.Agent({"accounts": accounts, "duplicates": {"scope": "account"},
                            "rules": [{"name": "apart", "then": [{"deliver": "home", "folder": "${account}"}]}]})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def check_kept(self, made, accounts, expected):
        configuration = dict(made.configuration)
        made.configure({**configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}})
        made.start()
        try:
            for account in accounts:
                with self.subTest(account=account):
                    agent.assert_same(self, made.read_mailbox(account), expected)
        finally:
            made.stop()
            made.configure(configuration)

    def test_every_way_in_brings_every_message_once(self):
        accounts = {f"{protocol}-{tls}": agent.account(protocol, self.server, plain_user(protocol, tls), tls)
                    for protocol, tls in WAYS}
        made = self.make(accounts)
        for name, first in made.poll().items():
            self.assertEqual((first["new"], first["duplicates"], first["skipped"]), (len(self.messages), 0, 0), name)
        for name, second in made.poll().items():
            self.assertEqual((second["new"], second["bytes"]), (0, 0), name)
        self.check_kept(made, accounts, self.messages)

    def test_the_source_is_left_as_after_fetch_says(self):
        messages = corpus.corpus(20, seed=5, size=3000)
        wanted = {"imap-delete": {"do": "delete"}, "imap-seen": {"do": "seen"}, "imap-move": {"do": "move", "folder": self.FOLDER},
                  "pop3-delete": {"do": "delete"}}
        for user in wanted:
            self.server.fill(user, messages)
        made = self.make({user: agent.account(user.split("-")[0], self.server, user, after_fetch=what) for user, what in wanted.items()})
        for name, first in made.poll().items():
            self.assertEqual((first["new"], first["cleaned"]), (20, 20), name)
        left = {user: packaged_peers.left_over(self.server, user) for user in wanted}
        self.assertEqual({user: len(found) for user, found in left.items()},
                         {"imap-delete": 0, "imap-seen": 20, "imap-move": 0, "pop3-delete": 0})
        self.assertTrue(all(b"\\Seen" in flags for flags, _ in left["imap-seen"]), left["imap-seen"])
        moved = [data for _, data in packaged_peers.left_over(self.server, "imap-move", self.FOLDER_ON_SERVER)]
        agent.assert_same(self, moved, messages)
        for name, second in made.poll().items():
            self.assertEqual(second["new"], 0, name)
        self.check_kept(made, wanted, messages)

    def test_new_mail_alone_is_fetched_from_all_folders(self):
        first = corpus.corpus(5, seed=6, size=2000)
        second = corpus.corpus(5, seed=7, size=2000)
        later = corpus.corpus(3, seed=8, size=2000)
        self.server.fill("folders", first)
        self.server.fill("folders", second, self.MORE_ON_SERVER)
        made = self.make({"all": agent.account("imap", self.server, "folders", folders=["*"])})
        self.assertEqual(made.poll()["all"]["new"], 10)
        self.server.fill("folders", later)
        polled = made.poll()["all"]
        self.assertEqual((polled["new"], polled["duplicates"]), (3, 0))
        self.check_kept(made, ["all"], first + second + later)


class CourierServer(Server, unittest.TestCase):
    FOLDER = FOLDER_ON_SERVER = "INBOX.Done"
    MORE_ON_SERVER, MORE = "More/Lists", "INBOX.More.Lists"
    make_server = packaged_peers.Courier


class CyrusServer(Server, unittest.TestCase):
    FOLDER = FOLDER_ON_SERVER = "Done"
    MORE_ON_SERVER = MORE = "More/Lists"
    make_server = packaged_peers.Cyrus


if __name__ == "__main__":
    unittest.main()
