"""The options of `poll`, what `folders` and `status` tell, and multidrop mailboxes, against a real Dovecot."""
import json
import time
import unittest

import agent
import corpus
import peers


class Inspection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.users = [f"u{number}" for number in range(30)]
        cls.server = peers.Dovecot(users=cls.users)
        cls.addClassCleanup(cls.server.stop)
        cls.unused = iter(cls.users)

    def make(self, count=20, protocol="imap", account=None, **more):
        """An agent with the account "source", whose mailbox of its own holds `count` messages."""
        self.user = next(self.unused)
        self.messages = corpus.corpus(count, seed=77, size=1500)
        self.server.fill(self.user, self.messages)
        made = agent.Agent({"accounts": {"source": agent.account(protocol, self.server, self.user, **(account or {}))}, **more})
        self.addCleanup(made.remove)
        return made

    def test_options_that_do_not_go_together_are_refused_with_a_way_out(self):
        made = self.make(0)
        made.configure({**made.configuration, "accounts": {**made.configuration["accounts"],
                                                           "pop": agent.account("pop3", self.server, self.user)}})
        for arguments, said in ((("--mark-retrieved", "--dry-run"), "--dry-run alone"), (("--mark-retrieved", "--limit", "3"), "or nothing"),
                                (("--mark-retrieved", "--since", "30d"), "then: mailstead poll --mark-retrieved"),
                                (("--retry-skipped", "--dry-run"), "mailstead status"), (("--since", "yesterday"), "30d"),
                                (("--since", "2026-02-30"), "30d"), (("--since", "2999-01-01"), "future"),
                                (("pop", "--folder", "INBOX"), "POP3"), (("--limit", "0"), ""), (("--limit", "-1"), ""),
                                (("sorce",), 'did you mean "source"?')):
            with self.subTest(arguments=arguments):
                result = made.command("poll", *arguments, expect=2)
                self.assertIn(said, result.stderr)
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_a_dry_run_lists_and_adds_up_also_beside_a_running_agent(self):
        made = self.make(account={"poll": "1h"})
        text = made.command("poll", "--dry-run").stdout
        self.assertIn("20 messages", text.splitlines()[-1])
        self.assertIn("would be fetched", text.splitlines()[-1])
        made.start()
        peers.wait_until(lambda: made.status()["accounts"][0]["retrieved"] == 20, what="the first poll")
        self.assertIn("nothing would be fetched", made.command("poll", "--dry-run").stdout)
        self.server.fill(self.user, corpus.corpus(3, seed=78, size=1000, tag="n"))
        rows = made.poll("--dry-run")["source"]["would_fetch"]
        self.assertEqual([row["folder"] for row in rows], ["INBOX"] * 3)
        self.assertEqual(made.status()["accounts"][0]["retrieved"], 20)

    def test_a_running_agent_polls_with_the_options_it_is_given(self):
        made = self.make(account={"poll": "1h"})
        made.start()
        peers.wait_until(lambda: made.status()["accounts"][0]["retrieved"] == 20, what="the first poll")
        self.server.fill(self.user, corpus.corpus(30, seed=79, size=1000, tag="n"))
        said = made.command("poll", "source", "--limit", "4").stdout
        self.assertIn("at most 4 messages of each account", said)
        peers.wait_until(lambda: made.status()["accounts"][0]["retrieved"] == 24, what="the poll of four")
        time.sleep(1.5)  # a rest that followed at once would be here by now
        self.assertEqual(made.status()["accounts"][0]["retrieved"], 24)
        made.command("poll")
        peers.wait_until(lambda: made.status()["accounts"][0]["retrieved"] == 50, what="the whole poll")

    def test_what_was_too_large_comes_when_it_is_asked_for_again(self):
        made = self.make(3, account={"skip_larger_than": "1KB"})
        first = made.poll()["source"]
        self.assertEqual((first["new"], first["skipped"]), (0, 3))
        settings = dict(made.configuration["accounts"]["source"])
        del settings["skip_larger_than"]
        made.configure({**made.configuration, "accounts": {"source": settings}})
        self.assertEqual(made.poll()["source"]["new"], 0)
        self.assertEqual(made.poll("--retry-skipped")["source"]["new"], 3)
        self.assertEqual(made.poll("--retry-skipped")["source"]["new"], 0)

    def test_what_is_marked_as_retrieved_is_never_fetched(self):
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                made = self.make(20, protocol, account={"max_messages_per_poll": 15})
                self.assertEqual(made.poll("--mark-retrieved")["source"]["marked"], 20)
                self.assertIn("nothing was there", made.command("poll", "--mark-retrieved").stdout)
                self.assertEqual(made.poll()["source"]["new"], 0)
                self.server.fill(self.user, corpus.corpus(2, seed=80, size=1000, tag="n"))
                self.assertEqual(made.poll()["source"]["new"], 2)

    def test_folders_add_up_and_say_what_is_left_out(self):
        made = self.make(4)
        self.server.fill(self.user, self.messages[:2], "Archive")
        rows = {row["folder"]: row for row in json.loads(made.command("folders", "source", "--json").stdout)}
        self.assertEqual((rows["INBOX"]["fetched"], rows["INBOX"]["left_out"], rows["INBOX"]["messages"]), (True, "", 4))
        self.assertEqual((rows["Archive"]["fetched"], rows["Archive"]["messages"]), (False, 2))
        text = made.command("folders", "source").stdout
        self.assertRegex(text, r"Archive +2 +2 .*no: not among \"folders\"")
        self.assertIn("all: 2 folders, 6 messages, 6 unseen", text)
        self.assertIn("fetched: 1 folder, 4 messages, 4 unseen", text)

    def test_a_multidrop_mailbox_is_sorted_by_its_envelope(self):
        made = self.make(0, protocol="pop3", account={"envelope": {"header": "X-Original-To", "received_for": True}}, rules=[
            {"name": "known", "if": {"address": "envelope-to", "domain": "example.org"},
             "then": [{"deliver": "home", "folder": "For/${envelope-to.local}"}]},
            {"name": "unknown", "then": [{"deliver": "home", "folder": "Unknown"}]}])
        made.add_user()
        one = b"From: list@lists.example\r\nTo: list@lists.example\r\nMessage-ID: <1@lists.example>\r\n\r\nhello\r\n"
        kept = {"For/sales": b"X-Original-To: sales@example.org\r\n" + one, "For/alice": b"X-Original-To: alice@example.org\r\n" + one,
                "For/bob": b"Received: from x by mx.example.org with ESMTP id 1\r\n\tfor <bob@example.org>; Mon, 2 Nov 2026 10:00:00 +0000\r\n" + one,
                "Unknown": one}
        self.server.fill(self.user, list(kept.values()))
        polled = made.poll()["source"]
        self.assertEqual((polled["new"], polled["duplicates"]), (4, 0))
        history = json.loads(made.command("explain", "<1@lists.example>", "--json").stdout)
        self.assertIn("sent to sales@example.org", json.dumps(history))
        self.assertIn("no recipient was found", json.dumps(history))
        told = made.command("route", "--account", "source", "-", text_in=kept["For/bob"].decode()).stdout
        self.assertIn("For/bob", told)
        configuration = dict(made.configuration)
        made.configure({**configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}})
        made.start()
        for folder, message in kept.items():
            self.assertEqual(made.read_mailbox(folder), [message], folder)


if __name__ == "__main__":
    unittest.main()
