"""Real clients read from our servers what a Dovecot was retrieved into them."""
import imaplib
import os
import poplib
import shutil
import ssl
import subprocess
import threading
import time
import unittest

import agent
import corpus
import peers

COUNT = 2000


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.Dovecot(users=("alice", "late"))
        cls.addClassCleanup(cls.server.stop)
        cls.messages = corpus.corpus(COUNT, seed=21)
        cls.server.fill("alice", cls.messages)
        cls.certificates = peers.Directory("certificates")
        cls.addClassCleanup(cls.certificates.remove)
        cls.ca, certificate, key = peers.make_certificates(cls.certificates.path)
        listen = {"certificate": certificate, "key": key}
        cls.agent = agent.Agent({
            "accounts": {"source": agent.account("imap", cls.server, poll="1h"),
                         "late": agent.account("imap", cls.server, "late", idle=True, poll="1h")},
            "rules": [{"name": "late", "if": {"account": "late"}, "then": [{"deliver": "home", "folder": "Late"}]}],
            "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "starttls", **listen},
                          "imaps": {"address": "127.0.0.1:0", "tls": "implicit", **listen},
                          "pop3": {"address": "127.0.0.1:0", "tls": "starttls", **listen},
                          "pop3s": {"address": "127.0.0.1:0", "tls": "implicit", **listen}}})
        cls.addClassCleanup(cls.agent.remove)
        cls.agent.add_user()
        cls.agent.start()
        peers.wait_until(lambda: cls.count() >= COUNT, 60, "the retrieval")

    @classmethod
    def count(cls):
        boxes = cls.agent.status()["mailboxes"]
        return sum(box["messages"] for box in boxes if box["mailbox"] == "INBOX")

    def imap(self):
        client = imaplib.IMAP4("127.0.0.1", self.agent.listener_port("imap"))
        self.addCleanup(client.shutdown)
        client.login("me", "local word")
        return client

    def test_imaplib_reads_every_byte(self):
        agent.assert_same(self, self.agent.read_mailbox(), self.messages)

    def test_imaplib_searches_stores_copies_moves_and_expunges(self):
        client = self.imap()
        client.create("Work/Sub")
        client.select("INBOX")
        answer, found = client.uid("SEARCH", "SUBJECT", '"Message 12"')
        uids = found[0].split()
        self.assertGreater(len(uids), 1)
        client.uid("STORE", uids[0], "+FLAGS", r"(\Flagged keep)")
        _, flagged = client.uid("SEARCH", "FLAGGED", "KEYWORD", "keep")
        self.assertEqual(flagged[0].split(), [uids[0]])
        self.assertEqual(client.uid("COPY", uids[0], "Work/Sub")[0], "OK")
        self.assertEqual(client.uid("COPY", uids[1], "Work/Sub")[0], "OK")
        client.select("Work/Sub")
        self.assertEqual(client.search(None, "ALL")[1][0].split(), [b"1", b"2"])
        self.assertEqual(client.uid("MOVE", "1", "Nowhere")[0], "NO")
        client.create("Moved")
        self.assertEqual(client.uid("MOVE", "1", "Moved")[0], "OK")
        client.store("1", "+FLAGS", r"(\Deleted)")
        self.assertEqual(client.expunge()[0], "OK")
        self.assertEqual(client.search(None, "ALL")[1][0], b"")
        message = b"Subject: appended\r\n\r\nhello\r\n"
        self.assertEqual(client.append("Moved", r"(\Seen)", None, message)[0], "OK")
        client.select("Moved")
        self.assertEqual(client.fetch("2", "(BODY.PEEK[] FLAGS)")[1][0][1], message)

    def test_poplib_reads_every_byte(self):
        client = poplib.POP3_SSL("127.0.0.1", self.agent.listener_port("pop3s"), context=insecure_context())
        client.user("me")
        client.pass_("local word")
        count, size = client.stat()
        self.assertEqual(count, COUNT)
        self.assertEqual(size, sum(len(message) for message in self.messages))
        self.assertEqual(len({line.split()[1] for line in client.uidl()[1]}), COUNT)
        got = [b"\r\n".join(client.retr(number)[1]) + b"\r\n" for number in range(1, 301)]
        client.quit()
        known = set(corpus.digests(self.messages))
        self.assertTrue(all(corpus.digest(one) in known for one in got))

    def test_starttls_and_a_cleartext_port_beside_it(self):
        context = ssl.create_default_context(cafile=self.ca)
        client = imaplib.IMAP4("localhost", self.agent.listener_port("imap"))
        client.starttls(context)
        client.login("me", "local word")
        self.assertEqual(client.select("INBOX", readonly=True)[1][0], str(COUNT).encode())
        client.logout()
        client = poplib.POP3("localhost", self.agent.listener_port("pop3"))
        client.stls(context)
        client.user("me")
        client.pass_("local word")
        self.assertEqual(client.stat()[0], COUNT)
        client.quit()

    def test_a_wrong_password_and_an_unknown_user_get_the_same_words(self):
        answers = []
        for user, password in (("me", "wrong"), ("nobody", "local word")):
            client = imaplib.IMAP4("127.0.0.1", self.agent.listener_port("imap"))
            self.addCleanup(client.shutdown)
            with self.assertRaises(imaplib.IMAP4.error) as caught:
                client.login(user, password)
            answers.append(str(caught.exception))
        self.assertEqual(answers[0], answers[1])

    def test_curl_reads_over_imaps_and_pop3s(self):
        for url in (f"imaps://localhost:{self.agent.listener_port('imaps')}/INBOX;MAILINDEX=1",
                    f"pop3s://localhost:{self.agent.listener_port('pop3s')}/1"):
            with self.subTest(url=url):
                out = subprocess.run(["curl", "-s", "--cacert", self.ca, "-u", "me:local word", url], capture_output=True,
                                     check=True, timeout=30).stdout
                self.assertIn(corpus.digest(out), corpus.digests(self.messages))

    def test_mbsync_pulls_two_thousand_messages(self):
        directory = peers.Directory("mbsync")
        self.addCleanup(directory.remove)
        os.mkdir(directory / "near")
        with open(directory / "rc", "w", encoding="utf-8") as out:
            out.write(f"""IMAPAccount us
Host localhost
Port {self.agent.listener_port('imaps')}
User me
Pass "local word"
SSLType IMAPS
CertificateFile {self.ca}

IMAPStore far
Account us

MaildirStore near
Path {directory.path}/near/
Inbox {directory.path}/inbox
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
Sync Pull
""")
        for _ in range(2):
            run = subprocess.run(["mbsync", "-c", directory / "rc", "all"], check=False, capture_output=True, timeout=120)
            self.assertEqual(run.returncode, 0, run.stderr)
            folder = directory / "inbox"
            got = []
            for part in ("cur", "new"):
                for name in os.listdir(os.path.join(folder, part)):
                    with open(os.path.join(folder, part, name), "rb") as file:
                        got.append(without_tuid(file.read()).replace(b"\n", b"\r\n"))
            agent.assert_same(self, got, self.messages)

    @unittest.skipUnless(shutil.which("tmux") and shutil.which("neomutt"), "no tmux or neomutt")
    def test_neomutt_shows_the_index_and_a_message(self):
        directory = peers.Directory("mutt")
        self.addCleanup(directory.remove)
        with open(directory / "rc", "w", encoding="utf-8") as out:
            out.write(f'set folder="imap://me@127.0.0.1:{self.agent.listener_port("imap")}"\nset spoolfile="+INBOX"\n'
                      'set imap_pass="local word"\nset ssl_starttls=no\nset ssl_force_tls=no\n'
                      f'set header_cache=\nset record=\nset postponed=\nset certificate_file={directory.path}/known\n')
        socket = directory / "tmux"

        def tmux(*arguments):
            return subprocess.run(["tmux", "-S", socket, *arguments], capture_output=True, text=True, check=False).stdout

        tmux("new-session", "-d", "-x", "120", "-y", "40", f"HOME={directory.path} LC_ALL=C.UTF-8 neomutt -F {directory / 'rc'}")
        self.addCleanup(tmux, "kill-server")
        pane = int(tmux("display-message", "-p", "#{pane_pid}"))
        peers.wait_until(lambda: "Message 2" in tmux("capture-pane", "-p"), 60, "the index")
        tmux("send-keys", "Enter")
        peers.wait_until(lambda: "Subject:" in tmux("capture-pane", "-p"), 30, "the message")
        tmux("send-keys", "qx")
        peers.wait_until(lambda: not os.path.exists(f"/proc/{pane}"), 30, "the end of neomutt")

    def test_new_mail_reaches_an_idling_client_within_a_second(self):
        client = self.imap()
        client.create("Late")
        client.select("Late")
        client.send(b"x IDLE\r\n")
        self.assertTrue(client.readline().startswith(b"+"))
        seen = {}

        def listen():
            seen["line"] = client.readline()
            seen["at"] = time.monotonic()

        listener = threading.Thread(target=listen)
        listener.start()
        message = corpus.message(1, seed=99)
        before = len(self.agent.read_mailbox("Late"))
        self.server.fill("late", [message])
        peers.wait_until(lambda: len(self.agent.read_mailbox("Late")) > before, 30, "the late message")
        arrived = time.monotonic()
        listener.join(5)
        self.assertIn(b"EXISTS", seen.get("line", b""))
        self.assertLess(seen["at"] - arrived, 1.0)
        client.send(b"DONE\r\n")


def without_tuid(message):
    return b"".join(line for line in message.splitlines(keepends=True) if not line.startswith(b"X-TUID: "))


def insecure_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    unittest.main()
