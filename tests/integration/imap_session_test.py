"""The IMAP session against a real Dovecot: compressed, pipelined and by LIST-STATUS, over polls that remember the last."""
import unittest

import agent
import corpus
import peers

ZLIB = """
mail_plugins = $mail_plugins zlib
protocol imap {
  mail_plugins = $mail_plugins imap_zlib
}
"""
ROUNDS = 4  # the first learns, the second tries, the others know
WAYS = [(auth, tls) for auth in ("plain", "scram-sha-256") for tls in ("implicit", "starttls", "none")]


class ImapSession(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.Dovecot(users=[f"{auth}-{tls}" for auth, tls in WAYS] + ["folders"], extra=ZLIB)
        cls.addClassCleanup(cls.server.stop)

    def make(self, settings):
        made = agent.Agent({"accounts": {"source": settings}})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def test_what_is_remembered_changes_nothing_but_the_time(self):
        for number, (auth, tls) in enumerate(WAYS):
            with self.subTest(auth=auth, tls=tls):
                user = f"{auth}-{tls}"
                made = self.make(agent.account("imap", self.server, user, tls, auth=auth, compress="always"))
                expected = []
                for seed in range(ROUNDS):
                    messages = corpus.corpus(8, seed=100 * number + seed + 10)
                    self.server.fill(user, messages)
                    expected += messages
                    self.assertEqual(made.poll()["source"]["new"], len(messages), f"round {seed}")
                    self.assertEqual(made.poll()["source"]["new"], 0, f"round {seed}")
                agent.assert_same(self, made.kept(), expected)

    def test_many_folders_are_asked_at_once(self):
        made = self.make(agent.account("imap", self.server, "folders", "implicit", folders=["*"], exclude_folders=["Work/b"]))
        expected = []
        for seed, folder in enumerate(("", "Work/a", "Work/b", "Entw&APw-rfe", "")):
            messages = corpus.corpus(5, seed=900 + seed)
            self.server.fill("folders", messages, folder)
            wanted = [] if folder == "Work/b" else messages
            expected += wanted
            self.assertEqual(made.poll()["source"]["new"], len(wanted), folder)
            self.assertEqual(made.poll()["source"]["new"], 0, folder)
        agent.assert_same(self, made.kept(), expected)


if __name__ == "__main__":
    unittest.main()
