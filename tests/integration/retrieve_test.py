"""Retrieval from a real Dovecot: every message once, byte for byte, on each protocol; a second poll fetches nothing."""
import os
import unittest

import agent
import corpus
import peers

COUNT = 2000


class Retrieval(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.Dovecot(users=("alice", "bob", "few", "empty", "lists", "imap-delete", "imap-seen", "imap-move", "pop3-delete"))
        cls.addClassCleanup(cls.server.stop)
        cls.messages = corpus.corpus(COUNT)
        cls.server.fill("alice", cls.messages)
        cls.few = corpus.corpus(40, seed=2)
        cls.server.fill("few", cls.few)

    def make(self, accounts, **more):
        made = agent.Agent({"accounts": accounts, **more})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def retrieve(self, settings, expected):
        made = self.make({"source": settings})
        first = made.poll()["source"]
        self.assertEqual((first["new"], first["duplicates"], first["skipped"]), (len(expected), 0, 0))
        second = made.poll()["source"]
        self.assertEqual((second["new"], second["duplicates"], second["bytes"]), (0, 0, 0))
        agent.assert_same(self, made.kept(), expected)
        made.command("check", "--data")

    def test_two_thousand_messages_by_imap_over_implicit_tls(self):
        self.retrieve(agent.account("imap", self.server, tls="implicit"), self.messages)

    def test_two_thousand_messages_by_pop3_over_implicit_tls(self):
        self.retrieve(agent.account("pop3", self.server, tls="implicit"), self.messages)

    def test_each_protocol_and_kind_of_connection(self):
        for protocol in ("imap", "pop3"):
            for tls in ("none", "starttls"):
                with self.subTest(protocol=protocol, tls=tls):
                    self.retrieve(agent.account(protocol, self.server, "few", tls), self.few)

    def test_each_mechanism(self):
        for protocol in ("imap", "pop3"):
            for mechanism in ("plain", "login", "cram-md5", "scram-sha-256"):
                with self.subTest(protocol=protocol, mechanism=mechanism):
                    self.retrieve(agent.account(protocol, self.server, "few", "implicit", auth=mechanism), self.few)

    def test_a_message_present_in_both_accounts_is_kept_once(self):
        made = self.make({"a": agent.account("imap", self.server, "few"), "b": agent.account("pop3", self.server, "few")})
        polled = made.poll()
        self.assertEqual(sum(one["new"] for one in polled.values()), len(self.few))
        self.assertEqual(sum(one["duplicates"] for one in polled.values()), len(self.few))
        agent.assert_same(self, made.kept(), self.few)

    def test_an_empty_mailbox(self):
        for protocol in ("imap", "pop3"):
            made = self.make({"source": agent.account(protocol, self.server, "empty")})
            self.assertEqual(made.poll()["source"]["new"], 0)

    def test_folders_by_pattern(self):
        work, spam, inbox = corpus.corpus(5, seed=3), corpus.corpus(4, seed=4), corpus.corpus(3, seed=5)
        self.server.fill("lists", inbox)
        self.server.fill("lists", work, "Lists.wörk".encode("utf-7").decode().replace("+", "&"))
        self.server.fill("lists", spam, "Lists.spam")
        made = self.make({"source": agent.account("imap", self.server, "lists", folders=["INBOX", "Lists*"],
                                                  exclude_folders=["Lists*spam"])})
        self.assertEqual(made.poll()["source"]["new"], len(inbox) + len(work))
        agent.assert_same(self, made.kept(), inbox + work)

    def test_the_source_after_the_fetch(self):
        for protocol in ("imap", "pop3"):
            for after in (["delete", "seen", "move"] if protocol == "imap" else ["delete"]):
                with self.subTest(protocol=protocol, after=after):
                    self.after_fetch(protocol, after)

    def after_fetch(self, protocol, after):
        user = f"{protocol}-{after}"
        messages = corpus.corpus(30, seed=len(user))
        self.server.fill(user, messages)
        if after == "move":
            self.server.fill(user, [], "Done")
        settings = {"do": after, **({"folder": "Done"} if after == "move" else {})}
        made = self.make({"source": agent.account(protocol, self.server, user, after_fetch=settings)})
        polled = made.poll()["source"]
        self.assertEqual((polled["new"], polled["cleaned"]), (30, 30))
        left = maildir_names(self.server.maildir(user))
        if after == "seen":
            self.assertEqual(len(left), 30)
            self.assertTrue(all("S" in name.rsplit(",", 1)[-1] for name in left), left)
        else:
            self.assertEqual(left, [])
        if after == "move":
            self.assertEqual(len(maildir_names(self.server.maildir(user, "Done"))), 30)
        self.assertEqual(made.poll()["source"]["new"], 0)
        agent.assert_same(self, made.kept(), messages)

    def test_too_large_messages_are_left_and_said_so(self):
        sizes = [corpus.message(number, seed=7, size=size) for number, size in ((4, 2000), (8, 200_000), (12, 3000))]
        self.server.fill("bob", sizes)
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                made = self.make({"source": agent.account(protocol, self.server, "bob", skip_larger_than="100KB")})
                polled = made.poll()["source"]
                self.assertEqual((polled["new"], polled["skipped"]), (2, 1))
                again = made.poll()["source"]
                self.assertEqual((again["new"], again["skipped"]), (0, 0))

    def test_a_limit_takes_the_rest_next_time(self):
        made = self.make({"source": agent.account("imap", self.server, "few", max_messages_per_poll=15)})
        counts = []
        for _ in range(4):
            counts.append(made.poll()["source"]["new"])
        self.assertEqual(counts, [15, 15, 10, 0])

    def test_a_wrong_password_is_said_and_hurts_only_its_account(self):
        wrong = agent.account("imap", self.server, "few", password="not this")
        made = self.make({"good": agent.account("pop3", self.server, "few"), "bad": wrong})
        polled = made.poll(expect=1)
        self.assertEqual(polled["good"]["new"], len(self.few))
        self.assertIn("uthentication", polled["bad"]["error"])
        self.assertNotIn("not this", made.command("status").stdout)

    def test_a_certificate_that_does_not_verify_is_refused(self):
        for protocol in ("imap", "pop3"):
            for tls in ("implicit", "starttls"):
                with self.subTest(protocol=protocol, tls=tls):
                    settings = agent.account(protocol, self.server, "few", tls)
                    del settings["tls_options"]
                    made = self.make({"source": settings})
                    self.assertIn("certificate", made.poll(expect=1)["source"]["error"])


def maildir_names(path):
    return sorted(name for part in ("cur", "new") if os.path.isdir(os.path.join(path, part))
                  for name in os.listdir(os.path.join(path, part)))


if __name__ == "__main__":
    unittest.main()
