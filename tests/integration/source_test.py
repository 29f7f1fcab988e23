"""The source after the first poll, on a real Dovecot: new mail, a new numbering, clean-ups that wait for a state."""
import glob
import imaplib
import os
import re
import unittest

import agent
import corpus
import peers


class Source(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.Dovecot(users=("grows", "renumbered", "restored", "waits", "keyword", "gone"))
        cls.addClassCleanup(cls.server.stop)

    def make(self, user, **settings):
        made = agent.Agent({"accounts": {"source": agent.account("imap", self.server, user, **settings)}})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def new(self, made):
        polled = made.poll()["source"]
        self.assertEqual(polled["duplicates"], 0)
        return polled["new"]

    def client(self, user):
        client = imaplib.IMAP4("127.0.0.1", self.server.ports["imap"])
        self.addCleanup(client.shutdown)
        client.login(user, self.server.PASSWORD)
        client.select("INBOX")
        return client

    def store(self, user, numbers, flags):
        client = self.client(user)
        self.assertEqual(client.store(numbers, "+FLAGS", flags)[0], "OK")
        client.close()

    def test_a_folder_that_grows(self):
        messages = corpus.corpus(140, seed=21)
        made = self.make("grows")
        begin = 0
        for end in (10, 12, 12, 62, 140):  # few, none, exactly what is asked for at once, more
            self.server.fill("grows", messages[begin:end])
            self.assertEqual(self.new(made), end - begin)
            begin = end
        agent.assert_same(self, made.kept(), messages)

    def test_a_new_numbering_brings_only_what_is_new(self):
        messages = corpus.corpus(60, seed=22)
        made = self.make("renumbered")
        self.server.fill("renumbered", messages[:50])
        self.assertEqual(self.new(made), 50)
        self.renumber("renumbered", lambda validity, next_uid: (validity + 1, next_uid))
        self.server.fill("renumbered", messages[50:])
        polled = made.poll()["source"]
        self.assertEqual((polled["new"], polled["duplicates"]), (10, 0))
        self.assertIn("UIDVALIDITY", str(polled))
        polled = made.poll()["source"]
        self.assertEqual(polled["new"], 0)
        self.assertNotIn("UIDVALIDITY", str(polled))
        agent.assert_same(self, made.kept(), messages)

    def renumber(self, user, change):
        """Changes what Dovecot remembers of the numbering; its own files of the mailbox are made anew."""
        maildir = self.server.maildir(user)
        path = os.path.join(maildir, "dovecot-uidlist")
        with open(path, encoding="utf-8") as file:
            header, _, rest = file.read().partition("\n")
        validity, next_uid = (int(n) for n in re.search(r"V(\d+) N(\d+)", header).groups())
        validity, next_uid = change(validity, next_uid)
        header = re.sub(r"V\d+ N\d+", f"V{validity} N{next_uid}", header)
        with open(path, "w", encoding="utf-8") as file:
            file.write(header + "\n" + rest)
        for index in glob.glob(os.path.join(maildir, "dovecot.index*")):
            os.remove(index)

    def test_a_clean_up_waits_until_the_message_was_read(self):
        messages = corpus.corpus(6, seed=23)
        self.server.fill("waits", messages)
        made = self.make("waits", after_fetch={"do": "delete", "only_if": "seen"})
        self.assertEqual(self.new(made), 6)
        self.assertEqual(made.poll()["source"]["cleaned"], 0)
        self.store("waits", "2,5", r"(\Seen)")
        self.assertEqual(made.poll()["source"]["cleaned"], 2)
        self.assertEqual(made.poll()["source"]["cleaned"], 0)
        client = self.client("waits")
        self.assertEqual(client.search(None, "ALL")[1], [b"1 2 3 4"])
        client.close()
        self.store("waits", "1", r"(\Deleted)")  # another client takes one away: nothing waits for it any more
        self.store("waits", "1", r"(\Seen)")
        self.assertEqual(made.poll()["source"]["cleaned"], 1)
        self.assertEqual(made.poll()["source"]["cleaned"], 0)

    def test_a_keyword_marks_what_was_fetched(self):
        self.server.fill("keyword", corpus.corpus(4, seed=24))
        made = self.make("keyword", after_fetch={"do": "keyword", "keyword": "$Fetched"})
        polled = made.poll()["source"]
        self.assertEqual((polled["new"], polled["cleaned"]), (4, 4))
        self.assertEqual(self.client("keyword").search(None, "KEYWORD $Fetched")[1], [b"1 2 3 4"])
        self.assertEqual(self.new(made), 0)


if __name__ == "__main__":
    unittest.main()
